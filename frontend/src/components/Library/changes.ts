/** What a person does to items: on the screen at once, sent in batches, taken back by Undo. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useSyncExternalStore } from "react";
import { act, asFault } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { tell } from "@/hooks/useAction";
import { valuesOf } from "./pages";

export type Verdict = "keep" | "reject" | "none";
export interface Patch {
  flag?: string;
  /** Verdict by hand in the chosen filter. */
  verdict?: Verdict;
  /** `TRASH`, `RESTORE` (to where it was), or a group. */
  group?: string;
}
type Kind = keyof Patch;
interface Done {
  told: string;
  undo: () => void;
}

const WAIT = 350;

/** What has been changed on the screen and is not yet in the rows that the server gave. */
class Overlay {
  private patches = new Map<number, Patch & { seq: number }>();
  private listeners = new Set<() => void>();
  version = 0;
  seq = 0;
  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  read = () => this.version;
  get = (id: number): Patch | undefined => this.patches.get(id);
  put(ids: readonly number[], patch: Patch): void {
    this.seq++;
    for (const id of ids) this.patches.set(id, { ...this.patches.get(id), ...patch, seq: this.seq });
    this.tell();
  }
  drop(upto: number): void {
    for (const [id, patch] of this.patches) if (patch.seq <= upto) this.patches.delete(id);
    this.tell();
  }
  private tell(): void {
    this.version++;
    for (const listener of this.listeners) listener();
  }
}

export interface Changes {
  patch: (id: number) => Patch | undefined;
  version: number;
  /** One item by a key: collected and sent soon. `before` is what it was. */
  one: (id: number, kind: Kind, value: string, before: string, job?: number) => void;
  /** Many items at once. */
  many: (ids: number[], kind: Kind, value: string, job?: number) => Promise<void>;
  undo: () => void;
  /** Note what a dialog has done. */
  note: (told: string, undo: () => void) => void;
}

export function useChanges(project: string): Changes {
  const queries = useQueryClient();
  const overlay = useMemo(() => new Overlay(), [project]); // eslint-disable-line
  const version = useSyncExternalStore(overlay.subscribe, overlay.read);
  const stack = useRef<Done[]>([]);
  const pending = useRef(new Map<string, { kind: Kind; job?: number; values: Map<number, string> }>());
  const timer = useRef<number | undefined>(undefined);
  const chain = useRef<Promise<unknown>>(Promise.resolve());

  const after = useCallback(
    async (upto: number) => {
      await queries.invalidateQueries({ queryKey: ["p", project] });
      overlay.drop(upto);
    },
    [overlay, project, queries],
  );
  const run = useCallback(
    (work: () => Promise<unknown>): Promise<unknown> => {
      const next = chain.current.then(work).catch((error: unknown) => showFault(asFault(error)));
      chain.current = next;
      return next;
    },
    [],
  );
  const flush = useCallback(() => {
    timer.current = undefined;
    const batches = [...pending.current.values()];
    pending.current = new Map();
    const upto = overlay.seq;
    void run(async () => {
      for (const { kind, job, values } of batches) {
        const byValue = new Map<string, number[]>();
        for (const [id, value] of values) byValue.set(value, [...(byValue.get(value) ?? []), id]);
        for (const [value, ids] of byValue) await send(project, kind, ids, value, job);
      }
    }).then(() => after(upto));
  }, [after, overlay, project, run]);

  const queue = useCallback(
    (id: number, kind: Kind, value: string, job?: number) => {
      const name = `${kind} ${job ?? ""}`;
      const batch = pending.current.get(name) ?? { kind, job, values: new Map<number, string>() };
      batch.values.set(id, value);
      pending.current.set(name, batch);
      overlay.put([id], { [kind]: value });
      timer.current ??= window.setTimeout(flush, WAIT);
    },
    [flush, overlay],
  );
  const one = useCallback(
    (id: number, kind: Kind, value: string, before: string, job?: number) => {
      if (value === before) return;
      queue(id, kind, value, job);
      stack.current.push({ told: words(kind, value, 1), undo: () => queue(id, kind, before, job) });
    },
    [queue],
  );
  const many = useCallback(
    async (ids: number[], kind: Kind, value: string, job?: number) => {
      overlay.put(ids, { [kind]: value });
      const upto = overlay.seq;
      let back: () => void = () => undefined;
      await run(async () => {
        back = await sendWithUndo(project, kind, ids, value, job);
        const undo = () => void run(async () => back()).then(() => after(overlay.seq));
        stack.current.push({ told: words(kind, value, ids.length), undo });
        tell(words(kind, value, ids.length), undo);
      });
      await after(upto);
    },
    [after, overlay, project, run],
  );
  const undo = useCallback(() => {
    const last = stack.current.pop();
    if (!last) return tell("Nothing to undo");
    last.undo();
    tell(`Taken back: ${last.told}`);
  }, []);
  const note = useCallback((told: string, back: () => void) => void stack.current.push({ told, undo: back }), []);
  return useMemo(() => ({ patch: overlay.get, version, one, many, undo, note }), [many, note, one, overlay, undo, version]);
}

function words(kind: Kind, value: string, number: number): string {
  const items = counted(number, "image");
  if (kind === "flag") return value === "none" ? `${items} without flag` : `${items} flagged ${value}`;
  if (kind === "verdict") return { keep: `${items} kept by hand`, reject: `${items} rejected by hand`, none: `${items} left to the filter` }[value]!;
  return value === "RESTORE" ? `${items} restored` : value === "TRASH" ? `${items} in TRASH` : `${items} moved to ${value}`;
}

async function send(project: string, kind: Kind, ids: number[], value: string, job?: number): Promise<unknown> {
  const selection = { ids };
  if (kind === "flag") return act(project, "flag_items", { selection, flag: value });
  if (kind === "verdict") return act(project, "decide_items", { selection, job: job!, verdict: value as Verdict, reason: "" });
  if (value === "TRASH") return act(project, "trash", { selection });
  if (value === "RESTORE") return act(project, "restore", { selection });
  return act(project, "move_items", { selection, group: value });
}

/** Do it to many, and give what takes it back for each as it was. */
async function sendWithUndo(project: string, kind: Kind, ids: number[], value: string, job?: number): Promise<() => Promise<void>> {
  if (kind === "verdict") {
    const before = (await send(project, kind, ids, value, job)) as Record<Verdict, string[]>;
    return async () => {
      for (const verdict of ["keep", "reject", "none"] as const) {
        const names = before[verdict];
        if (names.length) await act(project, "decide_items", { selection: { names }, job: job!, verdict, reason: "" });
      }
    };
  }
  const column = kind === "flag" ? "flag" : "group_name";
  const known = await valuesOf(project, ids, [column]);
  const before = new Map<string, number[]>();
  for (const [id, [was]] of known) {
    const name = kind === "flag" ? String(was ?? "none") : String(was);
    if (name !== value) before.set(name, [...(before.get(name) ?? []), id]);
  }
  await send(project, kind, ids, value, job);
  return async () => {
    if (value === "TRASH") return void (await send(project, kind, [...before.values()].flat(), "RESTORE"));
    for (const [name, some] of before) await send(project, kind, some, name);
  };
}
