/** The layer of picks in the viewer: circles, thresholds, and picking by hand. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { formatNumber } from "@/components/format";
import type { Sight } from "@/components/Viewer/ImageCanvas";
import type { Tool } from "@/components/Viewer/usePointer";
import { useMayChange } from "@/hooks/useProject";
import { useUrlState } from "@/hooks/useUrlState";
import { composed, goingOn, movedTo, pickAt, rangeOf, useCounts, useDensity, usePicks, without, withPoint, type Edits, type Pick, type Point } from "./picks";
import { PickCanvas } from "./PickCanvas";
import { useApplyLimits } from "./useApplyLimits";
import { useLimits } from "./useLimits";
import { usePickEdits } from "./usePickEdits";
import classes from "./Picks.module.css";

interface Given {
  project: string | null;
  item: number | null;
  /** Whether the layer is switched on. */
  shown: boolean;
  pixel: number | null;
  show: () => void;
}

/** Å, where no job says how large a particle is. */
const SOME_DIAMETER = 150;
const HAND_RADIUS = 20;

export function usePickLayer({ project, item, shown, pixel, show }: Given) {
  const [job, setJob] = useUrlState("picks");
  const [chosen, setClasses] = useUrlState("classes");
  const inClasses = chosen === "" ? null : chosen;
  const [classified] = useUrlState("job");
  const { data } = usePicks(project, item, (inClasses === null ? job : classified) || null, inClasses);
  const selection = data?.selection ?? null;
  const mayChange = useMayChange(project ?? "") && project !== null;
  const { limits, settled, change: setLimits, reset: resetLimits, differ } = useLimits(selection?.limits);
  const edits = usePickEdits(project, item, data);
  const apply = useApplyLimits(project ?? "");
  const base = shown && inClasses === null && data?.base != null ? String(data.base) : null;
  const session = useDensity(project ?? "", base, [16, 16]).data?.density;
  const counts = useCounts(project ?? "", base, settled).data;
  const [below, setBelow] = useUrlState("below");
  const [editing, setEditing] = useState(false);
  const [brush, setBrush] = useState(false);
  const [over, setOver] = useState<{ point: Point; reach: number } | null>(null);
  const [moving, setMoving] = useState<Edits | null>(null);
  const [ring, setRing] = useState<Point | null>(null);

  const radius = (data?.diameter ?? SOME_DIAMETER) / (2 * (pixel ?? 1));
  const reachOfEdits = selection?.edit_radius ?? HAND_RADIUS;
  const now = moving ?? edits.edits;
  const picks = useMemo(
    () => (data && data.item === item ? composed(data, inClasses === null ? limits : ALL, inClasses === null ? now : NONE, reachOfEdits) : []),
    [data, item, inClasses, limits, now, reachOfEdits],
  );
  const scoreRange = useMemo(() => (session?.score_range as Point | null | undefined) ?? rangeOf(data?.score ?? []), [session, data]);
  const powerRange = useMemo(() => clipped(session) ?? rangeOf(data?.power ?? []), [session, data]);
  const showBelow = below === "1";
  // Colours go from the least score that is kept to that of the best thousandth.
  const colours: Point = [limits.min_score ?? session?.kept_from ?? scoreRange?.[0] ?? 0, session?.score_edges.at(-1) ?? scoreRange?.[1] ?? 1];

  const hover = useMemo(() => (over && shown ? pickAt(picks, over.point, over.reach, showBelow, editing) : null), [over, shown, picks, showBelow, editing]);
  useEffect(() => {
    setOver(null);
    setMoving(null);
  }, [item]);

  const tool = usePickTool({ picks, radius, editing, brush, showBelow, edits: edits.edits, change: edits.change, setMoving, setRing });
  const onHover = useCallback(
    (point: Point | null, zoom: number) => {
      if (!shown) return;
      setOver(point ? { point: off(point), reach: Math.max(radius, 6 / zoom) } : null);
      setRing(point && editing && brush ? off(point) : null);
    },
    [shown, radius, editing, brush],
  );
  const toggleEditing = useCallback(() => {
    if (!mayChange || inClasses !== null) return;
    if (editing) void edits.save();
    else show();
    setEditing(!editing);
    setBrush(false);
  }, [mayChange, inClasses, editing, edits, show]);

  useUnsavedWarning(edits.unsaved > 0);
  const actAt = (point: Point) => {
    const pick = pickAt(picks, point, 0.7 * radius, showBelow, true);
    edits.change((before) => (pick ? without(before, pick) : withPoint(before, point)));
  };
  const keys: Record<string, () => void> = shown || mayChange ? { e: toggleEditing } : {};
  if (shown) keys.x = () => setBelow(showBelow ? "" : "1");
  if (editing) Object.assign(keys, { b: () => setBrush(!brush), z: edits.undo, y: edits.redo, w: () => void edits.save() });

  const canvas = (sight: Sight) =>
    shown && data ? (
      <>
        <PickCanvas picks={picks} camera={sight.camera} screen={sight.screen} radius={radius} look={{ low: colours[0], high: colours[1], below: showBelow, gone: editing, hover }} ring={ring ? { x: ring[0], y: ring[1], radius: brushRadius(radius) } : null} />
        {hover && <div className={classes.tip}>{wordsOf(hover, data.sources)}</div>}
      </>
    ) : null;

  return {
    project, item, data, shown, classes: inClasses, setClasses, setJob, limits, setLimits, resetLimits, differ, counts, scoreRange, powerRange, mayChange,
    here: goingOn(picks),
    /** Least score that the picker kept. */
    keptFrom: session?.kept_from ?? null,
    colours,
    hands: picks.filter((pick) => pick.kind === "hand").length,
    below: showBelow,
    setBelow: (on: boolean) => setBelow(on ? "1" : ""),
    apply: () => data?.job != null && apply.mutate({ job: String(data.job), limits }),
    applying: apply.isPending,
    edits, editing, toggleEditing, brush, setBrush, canvas, onHover, keys, actAt,
    tool: editing ? tool : undefined,
    /** Why there is nothing to show; picks can be set by hand all the same. */
    reason: data && data.coordinates.length === 0 && edits.edits.added.length === 0 && !mayChange ? data.reason : null,
  };
}

export type PickLayer = ReturnType<typeof usePickLayer>;

const ALL = { min_score: null, max_score: null, min_power: null, max_power: null };
const NONE: Edits = { added: [], removed: [] };

/** px from the corner of the image → px from the middle of its first pixel. */
export const off = ([x, y]: Point): Point => [x - 0.5, y - 0.5];

const brushRadius = (radius: number) => 1.5 * radius;

/** Powers up to where nearly all are: a few bright spots must not take the whole slider. */
function clipped(session: { power_edges: number[]; power_range?: unknown } | undefined): Point | null {
  return session?.power_range ? [session.power_edges[0]!, session.power_edges.at(-1)!] : null;
}

function wordsOf(pick: Pick, sources: string[]): string {
  if (pick.kind === "hand") return "set by hand";
  const state = pick.kind === "below" ? " · below the thresholds" : pick.kind === "gone" ? " · taken away by hand" : "";
  const group = pick.group != null ? ` · class ${pick.group}` : "";
  return `score ${formatNumber(pick.score)} · power ${formatNumber(pick.power)}${group} · ${sources[pick.source] ?? "picker"}${state}`;
}

interface ToolGiven {
  picks: Pick[];
  radius: number;
  editing: boolean;
  brush: boolean;
  showBelow: boolean;
  edits: Edits;
  change: (next: (now: Edits) => Edits) => void;
  setMoving: (edits: Edits | null) => void;
  setRing: (point: Point | null) => void;
}

/** What the pointer does while picks are changed: click, drag of a circle, brush. Other drags move the image. */
function usePickTool(given: ToolGiven): Tool {
  const now = useRef(given);
  now.current = given;
  const held = useRef<{ pick: Pick | null; from: Point; moved: boolean; edits: Edits } | null>(null);
  return useMemo<Tool>(() => {
    const at = (point: Point, reach = 0.7) => pickAt(now.current.picks, point, reach * now.current.radius, now.current.showBelow, true);
    const rub = (point: Point) => {
      const { picks, radius, change } = now.current;
      const near = picks.filter((pick) => (pick.kind === "kept" || pick.kind === "hand") && Math.hypot(pick.x - point[0], pick.y - point[1]) <= brushRadius(radius));
      // Those set by hand go by their place in the list: the last first.
      const order = near.sort((a, b) => b.index - a.index);
      if (order.length) change((before) => order.reduce(without, before));
    };
    return {
      down: (corner, zoom) => {
        const point = off(corner);
        if (now.current.brush) {
          held.current = { pick: null, from: point, moved: false, edits: now.current.edits };
          now.current.setRing(point);
          rub(point);
          return true;
        }
        const pick = at(point, Math.max(0.7, 10 / (zoom * now.current.radius)));
        if (!pick || pick.kind === "gone") return false;
        held.current = { pick, from: point, moved: false, edits: now.current.edits };
        return true;
      },
      move: (corner, zoom) => {
        const point = off(corner);
        const hold = held.current;
        if (!hold) return;
        if (!hold.pick) {
          now.current.setRing(point);
          rub(point);
          return;
        }
        hold.moved ||= Math.hypot(point[0] - hold.from[0], point[1] - hold.from[1]) * zoom > 4;
        if (hold.moved) now.current.setMoving(movedTo(hold.edits, hold.pick, [hold.pick.x + point[0] - hold.from[0], hold.pick.y + point[1] - hold.from[1]]));
      },
      up: (corner) => {
        const point = off(corner);
        const hold = held.current;
        held.current = null;
        if (!hold?.pick) return;
        const { pick } = hold;
        now.current.setMoving(null);
        if (hold.moved) now.current.change((before) => movedTo(before, pick, [pick.x + point[0] - hold.from[0], pick.y + point[1] - hold.from[1]]));
        else now.current.change((before) => without(before, pick));
      },
      cancel: () => {
        held.current = null;
        now.current.setMoving(null);
        now.current.setRing(null);
      },
      click: (corner) => {
        const point = off(corner);
        const pick = at(point);
        now.current.change((before) => (pick ? without(before, pick) : withPoint(before, point)));
      },
    };
  }, []);
}

/** The browser asks before a page with unsaved picks is left. */
function useUnsavedWarning(unsaved: boolean): void {
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [unsaved]);
}
