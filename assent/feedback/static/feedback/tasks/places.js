// Rankings with ties: a list of groups of positions, the best first, as [[2], [0, 1]]. Nothing here changes its input.

/** Each in a place of its own, in the order of the page. */
export const inOrder = (count) => Array.from({ length: count }, (_, position) => [position]);

export const placeOf = (groups, position) => groups.findIndex((group) => group.includes(position));

/** Taken out: its place goes where nobody shares it. */
export const without = (groups, position) =>
  groups.map((group) => group.filter((one) => one !== position)).filter((group) => group.length);

/** In a place of its own before group number `at` (of the groups there are once it is taken out). */
export function putAt(groups, position, at) {
  const rest = without(groups, position);
  return [...rest.slice(0, at), [position], ...rest.slice(at)];
}

/** In the same place as `other`. */
export function putWith(groups, position, other) {
  if (position === other) return groups;
  return without(groups, position).map((group) => (group.includes(other) ? [...group, position].sort((a, b) => a - b) : group));
}

/** One place better (-1) or worse (1): out of a tie, or past the neighbour. */
export function moved(groups, position, by) {
  const at = placeOf(groups, position);
  if (groups[at].length > 1) return putAt(groups, position, by < 0 ? at : at + 1);
  const to = at + by;
  return to < 0 || to >= groups.length ? groups : putAt(groups, position, to);
}

/** As good as the one before it; tied already, it stands alone again, after those it was tied with. */
export function tied(groups, position) {
  const at = placeOf(groups, position);
  if (groups[at].length > 1) return putAt(groups, position, at + 1);
  return at === 0 ? groups : putWith(groups, position, groups[at - 1][0]);
}
