import { useComputedColorScheme } from "@mantine/core";
import {
  Background, BackgroundVariant, Controls, MarkerType, MiniMap, ReactFlow, ReactFlowProvider, SelectionMode, useReactFlow, useStoreApi,
  type Connection, type Edge, type EdgeChange, type NodeChange,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { formatCount } from "@/components/format";
import { fits, type JobLine } from "@/components/Job/queries";
import { lookOf } from "@/components/State/StateBadge";
import { JobNode, type FlowNode } from "./JobNode";
import { behind, linksOf, placesOf, shapeOf, NODE_HEIGHT, NODE_WIDTH } from "./layout";
import classes from "./Workflow.module.css";

interface Props {
  project: string;
  jobs: JobLine[];
  open: number | null;
  /** Jobs that a search has found; the first is brought into sight. */
  found: number[];
  mayChange: boolean;
  onOpen: (job: number) => void;
  onAdd: (behind: JobLine, output?: string) => void;
  onConnect: (source: number, output: string, target: number) => void;
  onDisconnect: (source: number, output: string, target: number) => void;
  selected: number[];
  onSelect: (jobs: number[]) => void;
}

const TYPES = { job: JobNode };
const SIZE = { width: NODE_WIDTH, height: NODE_HEIGHT };
const NO_EDGES: ReadonlySet<string> = new Set();
const SMALL_MAP_FROM = 30;

/** The graph of jobs: drag from a job to connect or add, Shift and drag to choose several. */
export default function JobGraph(props: Props) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ project, jobs, open, found, mayChange, onOpen, onAdd, onConnect, onDisconnect, selected, onSelect }: Props) {
  const scheme = useComputedColorScheme("light");
  const shape = shapeOf(jobs);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- places depend on the shape alone
  const places = useMemo(() => placesOf(jobs), [shape]);
  const byId = useMemo(() => new Map(jobs.map((job) => [job.id, job])), [jobs]);
  const nodes = useMemo(() => {
    const hit = new Set(found), chosen = new Set(selected);
    return jobs.map((job): FlowNode => ({
      id: String(job.id),
      type: "job",
      position: places.get(job.id) ?? { x: 0, y: 0 },
      width: NODE_WIDTH,
      height: NODE_HEIGHT,
      measured: SIZE,
      selected: chosen.has(job.id),
      data: { job, project, open: job.id === open, found: hit.has(job.id), onOpen, onAdd: mayChange ? onAdd : undefined },
    }));
  }, [jobs, places, open, found, selected, project, onOpen, onAdd, mayChange]);
  const [picked, setPicked] = useState<ReadonlySet<string>>(NO_EDGES);
  const edges = useMemo(() => edgesOf(jobs, byId, picked), [jobs, byId, picked]);
  const changeNodes = useCallback(
    (changes: NodeChange<FlowNode>[]) => {
      const next = afterSelecting(new Set(selected.map(String)), changes);
      if (next) onSelect([...next].map(Number));
    },
    [selected, onSelect],
  );
  const changeEdges = useCallback((changes: EdgeChange[]) => setPicked((before) => afterSelecting(before, changes) ?? before), []);
  useCentre(found, open, places);

  const allowed = useCallback(
    (link: Connection | Edge) => {
      const source = byId.get(Number(link.source)), target = byId.get(Number(link.target));
      if (!source || !target || source.id === target.id || target.scope === "source") return false;
      return !behind(jobs, [target.id]).has(source.id) && fits(target.needs.map((need) => need.split("|")), source.slots);
    },
    [byId, jobs],
  );

  return (
    <ReactFlow<FlowNode, Edge>
      nodes={nodes}
      edges={edges}
      nodeTypes={TYPES}
      onNodesChange={changeNodes}
      onEdgesChange={changeEdges}
      onConnect={(link) => onConnect(Number(link.source), link.sourceHandle ?? "items", Number(link.target))}
      onConnectEnd={(_event, state) => {
        const source = state.fromNode && byId.get(Number(state.fromNode.id));
        if (source && !state.toNode && state.fromHandle?.type === "source") onAdd(source, state.fromHandle.id ?? "items");
      }}
      onEdgesDelete={(gone) => gone.forEach((edge) => onDisconnect(Number(edge.source), String(edge.sourceHandle ?? "items"), Number(edge.target)))}
      isValidConnection={allowed}
      onNodeDoubleClick={(_event, node) => onOpen(Number(node.id))}
      colorMode={scheme}
      nodesDraggable={false}
      nodesConnectable={mayChange}
      edgesReconnectable={false}
      deleteKeyCode={mayChange ? ["Delete", "Backspace"] : null}
      onBeforeDelete={async ({ edges: some, nodes: several }) => (several.length > 0 ? false : { nodes: [], edges: some })}
      selectionMode={SelectionMode.Partial}
      onlyRenderVisibleElements
      minZoom={0.02}
      maxZoom={1.6}
      fitView
      fitViewOptions={{ maxZoom: 1, minZoom: jobs.length > 60 ? 0.7 : 0.2, padding: 0.12, nodes: jobs.length > 60 ? around(jobs, open) : undefined }}
      proOptions={{ hideAttribution: true }}
      aria-label="Graph of jobs"
    >
      <Background variant={BackgroundVariant.Dots} gap={24} size={1} />
      <Controls showInteractive={false} />
      {jobs.length >= SMALL_MAP_FROM && <MiniMap pannable zoomable style={{ width: 140, height: 90 }} nodeColor={(node: FlowNode) => lookOf(node.data.job.state).colour} className={classes.hide} ariaLabel="Small map of the graph" />}
    </ReactFlow>
  );
}

/** What is shown first of a large graph: the open job, else the first ones. */
function around(jobs: JobLine[], open: number | null): { id: string }[] {
  return (open === null ? jobs.slice(0, 8).map((job) => job.id) : [open]).map((id) => ({ id: String(id) }));
}

/** What is chosen after some changes; `null` where they choose nothing else. */
function afterSelecting(before: ReadonlySet<string>, changes: readonly (NodeChange<FlowNode> | EdgeChange)[]): Set<string> | null {
  const next = new Set(before);
  for (const change of changes) {
    if (change.type === "select") change.selected ? next.add(change.id) : next.delete(change.id);
  }
  return next.size === before.size && [...next].every((id) => before.has(id)) ? null : next;
}

function edgesOf(jobs: JobLine[], byId: Map<number, JobLine>, picked: ReadonlySet<string>): Edge[] {
  return linksOf(jobs).map(({ id, source, output, target }) => {
    const count = byId.get(source)?.given[output];
    const number = count === undefined ? undefined : formatCount(count);
    const branch = output === "items" ? (byId.get(source)?.outputs.includes("rejected") ? "kept" : "") : output.replace("_", " ");
    const colour = picked.has(id) ? "var(--mantine-primary-color-filled)" : "var(--mantine-color-dimmed)";
    return {
      id,
      selected: picked.has(id),
      source: String(source),
      target: String(target),
      sourceHandle: output,
      label: [branch, number].filter(Boolean).join(" ") || undefined,
      animated: byId.get(target)?.state === "running",
      style: { stroke: colour, strokeWidth: picked.has(id) ? 3 : 1, ...(output === "rejected" ? { strokeDasharray: "4 4" } : {}) },
      markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, markerUnits: "userSpaceOnUse", color: colour },
      labelStyle: { fontSize: 12, fontVariantNumeric: "tabular-nums" },
      labelBgPadding: [4, 2] as [number, number],
      labelBgBorderRadius: 3,
    };
  });
}

/** Bring what is searched for into sight, and what was opened where it is not: a job just added, or that of an address. */
function useCentre(found: number[], open: number | null, places: ReturnType<typeof placesOf>) {
  const flow = useReactFlow();
  const store = useStoreApi();
  const first = found[0];
  const searched = useRef<number | undefined>(undefined);
  useEffect(() => {
    const fresh = first !== searched.current && first !== undefined;
    searched.current = first;
    const place = places.get(fresh ? first : open ?? -1);
    if (!place) return;
    // The panel beside the graph takes its part of the width first.
    const timer = setTimeout(() => {
      const { width, height, transform: [x, y, zoom] } = store.getState();
      const left = place.x * zoom + x, top = place.y * zoom + y;
      const inside = left >= 0 && top >= 0 && left + NODE_WIDTH * zoom <= width && top + NODE_HEIGHT * zoom <= height;
      if (!fresh && inside && zoom > 0.3) return;
      void flow.setCenter(place.x + NODE_WIDTH / 2, place.y + NODE_HEIGHT / 2, { zoom: Math.max(0.8, Math.min(1, zoom)), duration: 200 });
    }, 120);
    return () => clearTimeout(timer);
  }, [first, open, places, flow, store]);
}
