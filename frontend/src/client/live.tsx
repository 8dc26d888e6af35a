/** The stream of events: how each project stands, what happened, and which queries to ask again. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { openStream } from "./stream";

/** What this server does about a project's engine. */
export interface EngineKept {
  /** starting, running, stopping, pausing (after a crash), stopped, refused; `null`: nothing. */
  state: string | null;
  profile: string | null;
  crashes: number;
  next_try: number | null;
  last: string | null;
}

/** How a project stands (see `project.brief` on the server). */
export interface ProjectState {
  project: string;
  revision: number;
  /** Changes whenever anything in the project's catalogue does. */
  data: number;
  title: string | null;
  mode: string;
  graph: string | null;
  engine: string;
  holder: string | null;
  engine_kept?: EngineKept;
  workers: { name: string; host: string; kind: string; [more: string]: unknown }[];
  running: { tasks: [number, number][]; since: number | null; fraction: number | null; [more: string]: unknown }[];
  conditions: Record<string, string>;
  tasks: Record<string, number>;
  items: { total: number; groups: Record<string, number>; flags: Record<string, number> };
  files: Record<string, number>;
  disk: { free: number; total: number };
  /** h until the disk is full at the pace of the last hours. */
  disk_hours?: number | null;
  last_import: number | null;
  images_per_hour?: number | null;
  /** Severity → alarms that last and that nobody has acknowledged. */
  alarms?: Partial<Record<"severe" | "mild", number>>;
  [more: string]: unknown;
}

/** A line of a project's log. */
export interface LogLine {
  project: string;
  seq: number;
  time: number;
  kind: string;
  job: number | null;
  item: number | null;
  message: string;
  data: Record<string, unknown> | null;
}

interface Live {
  connected: boolean;
  /** There was a connection, and it is gone. */
  lost: boolean;
  states: Record<string, ProjectState>;
  /** Project → why it can't be read just now. */
  faults: Record<string, string>;
  onLog: (listener: (line: LogLine) => void) => () => void;
}

const LiveContext = createContext<Live>({ connected: false, lost: false, states: {}, faults: {}, onLog: () => () => undefined });

/** Keeps one connection to the stream, and has queries under `["p", project]` asked again when its data change. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [{ connected, lost }, setConnection] = useState({ connected: false, lost: false });
  const [states, setStates] = useState<Record<string, ProjectState>>({});
  const [faults, setFaults] = useState<Record<string, string>>({});
  const listeners = useRef(new Set<(line: LogLine) => void>());

  useEffect(() => {
    const data: Record<string, number> = {};
    const refresh = refresher(queries);
    let missed = false;
    const onState = (state: ProjectState) => {
      setStates((before) => ({ ...before, [state.project]: state }));
      setFaults((before) => (state.project in before ? without(before, state.project) : before));
      const known = data[state.project];
      data[state.project] = state.data;
      if (known === undefined ? missed : known !== state.data) refresh(state.project);
      if (known === undefined) ensureListed(queries, state.project);
    };
    const onGone = (project: string) => {
      delete data[project];
      setStates((before) => without(before, project));
      void queries.invalidateQueries({ queryKey: ["projects"] });
    };
    return openStream({
      onConnection: (now, again) => {
        setConnection({ connected: now, lost: !now && again });
        if (now && again) {
          // What changed meanwhile is not known: everything that is shown is asked again.
          missed = true;
          for (const key of Object.keys(data)) delete data[key];
          void queries.invalidateQueries({ queryKey: ["projects"] });
        }
      },
      onSignedOut: () => window.location.assign(`/login?next=${encodeURIComponent(window.location.pathname)}`),
      onEvent: (kind, content) => {
        const project = (content as { project?: string | null }).project ?? null;
        if (kind === "state") onState(content as ProjectState);
        else if (kind === "log") for (const listener of listeners.current) listener(content as LogLine);
        else if (kind === "reset" && project) refresh(project);
        else if (kind === "reset") void queries.invalidateQueries();
        else if (kind === "gone" && project) onGone(project);
        else if (kind === "fault" && project) setFaults((before) => ({ ...before, [project]: (content as { fault: string }).fault }));
      },
    });
  }, [queries]);

  const value = useMemo<Live>(
    () => ({
      connected,
      lost,
      states,
      faults,
      onLog: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [connected, lost, states, faults],
  );
  return <LiveContext.Provider value={value}>{children}</LiveContext.Provider>;
}

/** ms between two rounds of asking again; a round that is under way is waited for, so that slow answers don't pile up. */
const ROUND = 400;

function refresher(queries: QueryClient): (project: string) => void {
  const waiting = new Map<string, number>();
  const ask = (project: string) => {
    if (queries.isFetching({ queryKey: ["p", project] }) > 0) {
      waiting.set(project, window.setTimeout(ask, ROUND / 2, project));
      return;
    }
    waiting.delete(project);
    void queries.invalidateQueries({ queryKey: ["p", project] });
  };
  const last = new Map<string, number>();
  return (project) => {
    if (waiting.has(project)) return;
    const pause = Math.max(0, (last.get(project) ?? 0) + ROUND - Date.now());
    last.set(project, Date.now() + pause);
    waiting.set(project, window.setTimeout(ask, pause, project));
  };
}

/** A project that has come is in the list too. */
function ensureListed(queries: QueryClient, project: string): void {
  const listed = queries.getQueryData<{ key: string }[]>(["projects"]);
  if (listed && !listed.some((entry) => entry.key === project)) void queries.invalidateQueries({ queryKey: ["projects"] });
}

function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  const { [key]: _, ...rest } = record;
  return rest;
}

export function useLive(): Live {
  return useContext(LiveContext);
}

/** How a project stands now; `undefined` until the first message. */
export function useProjectState(project: string): ProjectState | undefined {
  return useLive().states[project];
}
