/** What each key of the library does. */
import { tell } from "@/hooks/useAction";
import type { Changes, Verdict } from "./changes";
import { VERDICTS, verdictNow } from "./Marks";
import type { Rows } from "./pages";
import type { Choice } from "./selection";
import type { Keys } from "./useKeys";

interface Given {
  rows: Rows;
  choice: Choice;
  changes: Changes;
  filter: number | null;
  inTrash: boolean;
  mayChange: boolean;
  /** Rows that an arrow moves, and how many are in sight. */
  step: number;
  far: number;
  noFilter: () => void;
  open: (id: number, fft: boolean) => void;
  focusFilter: () => void;
  help: () => void;
  turnView: () => void;
}

const FLAGS: Record<string, string> = { "1": "red", "2": "green", "3": "blue", "4": "gold", "5": "none" };

export function libraryKeys(given: Given): Keys {
  const { rows, choice, changes, filter, mayChange } = given;
  const last = (rows.total ?? 1) - 1;
  const at = choice.cursor?.index;
  const move = (by: number) => (event: KeyboardEvent) => {
    const to = at === undefined ? 0 : Math.min(last, Math.max(0, at + by));
    if (event.shiftKey) choice.extend(to);
    else choice.go(to);
  };
  const to = (index: number) => (event: KeyboardEvent) => (event.shiftKey ? choice.extend(index) : choice.go(index));
  const item = () => (at === undefined ? undefined : rows.at(at));
  const onwards = () => {
    if (at !== undefined && at < last) choice.go(at + 1);
  };
  const decide = (wanted: Verdict | "turn") => () => {
    if (!mayChange) return;
    if (filter === null) return given.noFilter();
    const ids = choice.targets();
    const here = item();
    if (ids.length > 1) return void changes.many(ids, "verdict", wanted === "turn" ? "reject" : wanted, filter);
    if (!here) return;
    const now = verdictNow(here.verdict, changes.patch(here.id)?.verdict) ?? "unknown";
    const before: Verdict = now === "kept" ? "keep" : now === "refused" ? "reject" : "none";
    const verdict = wanted === "turn" ? (VERDICTS[now]?.passes ? "reject" : "keep") : wanted;
    changes.one(here.id, "verdict", verdict, before, filter);
    onwards();
  };
  const mark = (kind: "flag" | "group", value: string) => () => {
    if (!mayChange) return;
    const ids = choice.targets();
    const here = item();
    if (ids.length > 1) return void changes.many(ids, kind, value).then(() => kind === "group" && choice.clear());
    if (!here) return;
    const patch = changes.patch(here.id);
    if (kind === "flag") {
      changes.one(here.id, kind, value, patch?.flag ?? ((here.values[rows.place("flag")] as string | null) || "none"));
      return;
    }
    changes.one(here.id, "group", value, value === "TRASH" ? "RESTORE" : "TRASH");
    onwards();
  };
  const keys: Keys = {
    ArrowDown: move(given.step), ArrowUp: move(-given.step), j: move(given.step), k: move(-given.step),
    PageDown: move(given.far), PageUp: move(-given.far), Home: to(0), End: to(last),
    " ": decide("turn"), a: decide("keep"), x: decide("reject"), c: decide("none"),
    t: () => (given.inTrash ? tell("It is in TRASH already") : mark("group", "TRASH")()),
    r: () => (given.inTrash ? mark("group", "RESTORE")() : tell("It is not in TRASH")),
    u: changes.undo, "Ctrl+z": changes.undo,
    f: () => item() !== undefined && given.open(item()!.id, true),
    Enter: () => item() !== undefined && given.open(item()!.id, false),
    "/": given.focusFilter, "?": given.help, g: given.turnView,
    "Ctrl+a": choice.all, Escape: choice.clear,
  };
  if (given.step > 1) Object.assign(keys, { ArrowRight: move(1), ArrowLeft: move(-1) });
  for (const [key, flag] of Object.entries(FLAGS)) keys[key] = mark("flag", flag);
  return keys;
}
