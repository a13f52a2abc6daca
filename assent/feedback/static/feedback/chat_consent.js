// Whether more than words and thumbs may be kept: asked first, changed at any time. Nothing is kept before "yes".
import { post, Unreachable } from "./net.js";

// `chat.dataset.consent` is "unasked", "given" or "refused"; `withdrawn()` is called with each no.
export function consentButtons(chat, { texts, say, withdrawn }) {
  const asked = document.getElementById("consent");
  if (!asked) return;
  const change = document.getElementById("consent-change");
  const tell = () => {
    const given = chat.dataset.consent === "given";
    document.getElementById("kept-state").textContent = given ? texts.kept : texts.not_kept;
    change.textContent = given ? texts.withdraw : texts.reconsider;
    change.hidden = chat.dataset.consent === "unasked";
  };
  const answer = async (given) => {
    const reply = await sent({ given, wording: chat.dataset.wording });
    if (reply?.status !== 200) return say(reply?.body.error ?? texts.offline);
    chat.dataset.consent = reply.body.consent;
    if (!given) withdrawn();
    asked.hidden = true;
    return tell();
  };
  asked.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-consent]");
    if (button) answer(button.dataset.consent === "yes");
  });
  change.addEventListener("click", () => {
    if (chat.dataset.consent === "given") return answer(false);
    asked.hidden = false;
    asked.scrollIntoView({ block: "nearest" });
    return asked.querySelector("button").focus();
  });
  tell();
}

async function sent(body) {
  try {
    return await post(`${location.pathname}consent`, body);
  } catch (error) {
    if (error instanceof Unreachable) return null;
    throw error;
  }
}
