/** The stream of events: how each project stands, what happened, and which queries to ask again. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

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
  workers: { name: string; host: string; kind: string; [more: string]: unknown }[];
  running: { tasks: [number, number][]; since: number | null; fraction: number | null; [more: string]: unknown }[];
  conditions: Record<string, string>;
  tasks: Record<string, number>;
  items: { total: number; groups: Record<string, number>; flags: Record<string, number> };
  files: Record<string, number>;
  disk: { free: number; total: number };
  last_import: number | null;
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
  states: Record<string, ProjectState>;
  onLog: (listener: (line: LogLine) => void) => () => void;
}

const LiveContext = createContext<Live>({ connected: false, states: {}, onLog: () => () => undefined });

/** Keeps one connection to the stream, and has queries under `["p", project]` asked again when its data change. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [connected, setConnected] = useState(false);
  const [states, setStates] = useState<Record<string, ProjectState>>({});
  const listeners = useRef(new Set<(line: LogLine) => void>());
  const data = useRef<Record<string, number>>({});

  useEffect(() => {
    const source = new EventSource("/api/events");
    source.onopen = () => setConnected(true);
    source.onerror = () => setConnected(false);
    source.addEventListener("state", (event) => {
      const state = JSON.parse((event as MessageEvent<string>).data) as ProjectState;
      setStates((before) => ({ ...before, [state.project]: state }));
      if (data.current[state.project] !== state.data) {
        data.current[state.project] = state.data;
        void queries.invalidateQueries({ queryKey: ["p", state.project] }, { cancelRefetch: false });
      }
    });
    source.addEventListener("log", (event) => {
      const line = JSON.parse((event as MessageEvent<string>).data) as LogLine;
      for (const listener of listeners.current) listener(line);
    });
    source.addEventListener("reset", () => void queries.invalidateQueries());
    return () => source.close();
  }, [queries]);

  const value = useMemo<Live>(
    () => ({
      connected,
      states,
      onLog: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [connected, states],
  );
  return <LiveContext.Provider value={value}>{children}</LiveContext.Provider>;
}

export function useLive(): Live {
  return useContext(LiveContext);
}

/** How a project stands now; `undefined` until the first message. */
export function useProjectState(project: string): ProjectState | undefined {
  return useLive().states[project];
}
