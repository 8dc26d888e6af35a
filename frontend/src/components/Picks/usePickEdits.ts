/** Edits of an image by hand: on the screen at once, with undo and redo, saved together as one decision. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { client, asFault, need } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { tell } from "@/hooks/useAction";
import { changed, changeOf, isEmpty, NO_EDITS, type Edits, type ItemPicks, type Point } from "./picks";

interface History {
  /** What the server has; all others are told from it. */
  base: Edits;
  stamp: string;
  now: Edits;
  past: Edits[];
  future: Edits[];
}

const MOST_STEPS = 500;
const EMPTY: History = { base: NO_EDITS, stamp: "", now: NO_EDITS, past: [], future: [] };

export function usePickEdits(project: string | null, item: number | null, data: ItemPicks | undefined) {
  const queries = useQueryClient();
  const [history, setHistory] = useState<History>(EMPTY);
  const [saving, setSaving] = useState(false);
  const known = useRef({ item: null as number | null, history });
  known.current.history = history;
  const selection = data?.item === item ? data?.selection : undefined;

  useEffect(() => {
    if (!selection || item === null) return;
    const base: Edits = { added: selection.added as Point[], removed: selection.removed as Point[] };
    const fresh = known.current.item !== item;
    known.current.item = item;
    const before = known.current.history;
    if (!fresh && before.stamp === selection.stamp) return;
    if (fresh || isEmpty(changeOf(before.base, before.now))) {
      setHistory({ base, stamp: selection.stamp, now: base, past: [], future: [] });
      return;
    }
    const onto = (edits: Edits) => changed(base, changeOf(before.base, edits));
    setHistory({ base, stamp: selection.stamp, now: onto(before.now), past: before.past.map(onto), future: before.future.map(onto) });
    tell(`${selection.author ?? "Somebody"} changed the picks of this image too: both changes are kept`);
  }, [selection, item]);

  const change = useCallback(
    (next: (now: Edits) => Edits) =>
      setHistory((before) => {
        const now = next(before.now);
        return now === before.now ? before : { ...before, now, past: [...before.past.slice(-MOST_STEPS), before.now], future: [] };
      }),
    [],
  );
  const undo = useCallback(() => setHistory((h) => (h.past.length ? { ...h, now: h.past.at(-1)!, past: h.past.slice(0, -1), future: [h.now, ...h.future] } : h)), []);
  const redo = useCallback(() => setHistory((h) => (h.future.length ? { ...h, now: h.future[0]!, past: [...h.past, h.now], future: h.future.slice(1) } : h)), []);

  const send = useCallback(
    async (number: number, stamp: string | null, body: ReturnType<typeof changeOf>) => {
      const answer = await need(
        client.POST("/api/projects/{project}/items/{item}/picks/edits", { params: { path: { project: project!, item: number } }, body: { ...body, stamp, job: data?.job ?? null } }),
      );
      void queries.invalidateQueries({ queryKey: ["p", project] });
      return answer;
    },
    [project, data?.job, queries],
  );

  /** Save what is changed; `false` where it could not be. */
  const save = useCallback(async (): Promise<boolean> => {
    const { base, stamp, now } = known.current.history;
    const body = changeOf(base, now);
    if (item === null || isEmpty(body)) return true;
    setSaving(true);
    try {
      const answer = await send(item, stamp, body);
      const saved: Edits = { added: answer.added as Point[], removed: answer.removed as Point[] };
      if (known.current.item === item) {
        // Steps of the past are kept: going back after a save is a change like any other.
        const onto = (edits: Edits) => changed(saved, changeOf(now, edits));
        setHistory((h) => ({ base: saved, stamp: answer.stamp, now: onto(h.now), past: h.past.map(onto), future: h.future.map(onto) }));
      }
      const { add, remove, unadd, unremove } = answer.done as ReturnType<typeof changeOf>;
      const done = answer.done as ReturnType<typeof changeOf>;
      const number = add.length + remove.length + unadd.length + unremove.length;
      const made = answer.created ? `; J${answer.job} selects picks from now on` : "";
      const others = answer.others ? "; what somebody else changed meanwhile is kept" : "";
      const back = { add: done.unadd, remove: done.unremove, unadd: done.add, unremove: done.remove };
      tell(`${counted(number, "change")} of picks saved${made}${others}`, () => void send(item, null, back).catch((error) => showFault(asFault(error))));
      return true;
    } catch (error) {
      showFault(asFault(error));
      return false;
    } finally {
      setSaving(false);
    }
  }, [item, send]);

  const pending = changeOf(history.base, history.now);
  return {
    edits: history.now,
    change,
    undo,
    redo,
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
    save,
    saving,
    unsaved: pending.add.length + pending.remove.length + pending.unadd.length + pending.unremove.length,
  };
}

export type PickEdits = ReturnType<typeof usePickEdits>;
