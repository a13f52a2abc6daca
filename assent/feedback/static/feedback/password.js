// Shows what is typed into a field of a password, for as long as its button is pressed in.

for (const button of document.querySelectorAll("[data-show]")) {
  const field = document.getElementById(button.dataset.show);
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.hidden = false; // without this script nothing could be shown
  button.addEventListener("click", () => show(field.type === "password"));
  field.form.addEventListener("submit", () => show(false)); // else browsers keep it among what was typed in forms
  window.addEventListener("pageshow", () => show(false)); // a page that is gone back to
}
