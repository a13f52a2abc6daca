// Copies what stands in a field: links that are shown only once.

async function copied(field) {
  field.select();
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(field.value);
    return;
  }
  document.execCommand("copy"); // plain http other than localhost has no clipboard
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await copied(document.getElementById(button.dataset.copy));
    button.textContent = button.dataset.copied;
  });
}
