// What has just come on the page takes no answer for a moment: a second press may have been meant for the last item.

const stage = document.getElementById("stage");
const MILLISECONDS = Number(document.getElementById("work").dataset.freshMs);
let timer;

export const isFresh = () => stage.hasAttribute("data-fresh");

/** Something new is on the page. */
export function begin() {
  if (!MILLISECONDS) return;
  stage.toggleAttribute("data-fresh", true);
  clearTimeout(timer);
  timer = setTimeout(() => stage.removeAttribute("data-fresh"), MILLISECONDS);
}

// Its buttons answer, all but the one that leaves it as it was.
for (const kind of ["pointerdown", "click"])
  stage.addEventListener(
    kind,
    (event) => {
      if (!isFresh() || !event.target.closest("button:not([data-do=leave]), .way-on")) return;
      event.stopPropagation();
      event.preventDefault();
    },
    true,
  );
