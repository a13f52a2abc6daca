// What a person has typed and not yet sent, kept in this browser: it survives a reload, a crash and a flat battery.
//
// Everything stands in localStorage under `assent/<keep>/...`, where <keep> names one person in one database.

const MOST = 500; // drafts of items that are kept; the browser has room for a few million characters

/** A place of one's own in localStorage; in memory where the browser has none, or it is full. */
export class Shelf {
  constructor(keep) {
    this.prefix = `assent/${keep}/`;
    this.spare = new Map();
  }

  /** Whether something here would be lost with the page. */
  get isLosing() {
    return this.spare.size > 0;
  }

  /** The value, or null. */
  get(name) {
    if (this.spare.has(name)) return this.spare.get(name);
    try {
      return JSON.parse(localStorage.getItem(this.prefix + name));
    } catch {
      return null; // blocked, or not ours
    }
  }

  /** Whether it will still be there after a reload. */
  set(name, value) {
    try {
      localStorage.setItem(this.prefix + name, JSON.stringify(value));
      this.spare.delete(name);
      return true;
    } catch {
      this.spare.set(name, value);
      return false;
    }
  }

  remove(name) {
    this.spare.delete(name);
    try {
      localStorage.removeItem(this.prefix + name);
    } catch {
      // Blocked: it was in memory alone.
    }
  }

  /** Names that begin so, in order. */
  names(start) {
    const found = new Set([...this.spare.keys()].filter((name) => name.startsWith(start)));
    const whole = this.prefix + start;
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(whole)) found.add(key.slice(this.prefix.length));
    } catch {
      // Blocked: nothing but what is in memory.
    }
    return [...found].sort();
  }
}

/** A random UUID. crypto.randomUUID is missing on plain http, where a laptop serves its neighbours. */
export function newUuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4, RFC 9562
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * The draft of one answer: of what was shown, in this revision. Its UUID is drawn once, so that the answer is one
 * answer however often it is sent. An answer that was begun before a reload was begun under the guideline of then.
 *
 * `made` is the server's word for the item itself: after a backup is put back, numbers are given again.
 */
export function draft(shelf, { shown, made, revision, guideline }) {
  const name = `draft/${shown}/${revision}/${made}`;
  const found = shelf.get(name);
  const kept = { uuid: newUuid(), given: null, comment: "", seconds: 0, guideline, ...found };
  const begun = Boolean(kept.given || kept.comment);
  if (!begun) kept.guideline = guideline;
  return {
    ...kept,
    name,
    begun, // something was answered or typed: to have looked at it is not enough
    /** Whether it will survive a reload. */
    save() {
      const { uuid, given, comment, seconds, guideline: version } = this;
      return shelf.set(name, { uuid, given, comment, seconds, guideline: version });
    },
    /** Whoever reads a newer version of the guideline judges under that one. */
    read(version) {
      this.guideline = Math.max(this.guideline, version);
    },
    clear() {
      shelf.remove(name);
    },
  };
}

/** A reason or a note that is being typed is kept like any other text. `kind`: skip, flag. */
export function note(shelf, { shown, made }, kind) {
  const name = `draft/${shown}/${kind}/${made}`;
  return { name, get: () => shelf.get(name) ?? "", set: (value) => shelf.set(name, value) };
}

/**
 * Make room: of more than MOST drafts of items those go that were given first. The numbers of what was shown rise, and
 * the server gives them: a clock that jumps sweeps nothing. Drafts of chats are few, and stay.
 */
export function sweep(shelf) {
  const ofItems = shelf.names("draft/").filter((name) => shownIn(name));
  ofItems.sort((one, other) => shownIn(other) - shownIn(one));
  for (const name of ofItems.slice(MOST)) shelf.remove(name);
}

const shownIn = (name) => Number(name.match(/^draft\/(\d+)\//)?.[1]);
