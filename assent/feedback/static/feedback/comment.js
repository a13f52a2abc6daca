// The field for a comment, which every task has.

export const field = (article) => article.querySelector("[name=comment]");

export function put(article, words) {
  field(article).value = words;
  field(article).closest("details").open = words !== "";
}

export function open(article) {
  field(article).closest("details").open = true;
  field(article).focus();
  field(article).scrollIntoView({ block: "nearest" }); // focus alone stops at the bar's lower edge
}
