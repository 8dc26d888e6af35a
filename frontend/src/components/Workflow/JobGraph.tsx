import { useComputedColorScheme } from "@mantine/core";
import {
  Background, BackgroundVariant, Controls, MarkerType, MiniMap, ReactFlow, ReactFlowProvider, SelectionMode, useReactFlow,
  type Connection, type Edge, type NodeChange, applyNodeChanges,
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
  const [nodes, setNodes] = useState<FlowNode[]>([]);
  const chosen = useRef(selected);
  chosen.current = selected;
  useEffect(() => {
    const hit = new Set(found);
    setNodes((before) => {
      const was = new Map(before.map((node) => [node.id, node]));
      return jobs.map((job) => ({
        ...was.get(String(job.id)),
        id: String(job.id),
        type: "job" as const,
        position: places.get(job.id) ?? { x: 0, y: 0 },
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
        selected: chosen.current.includes(job.id),
        data: { job, project, open: job.id === open, found: hit.has(job.id), onOpen, onAdd: mayChange ? onAdd : undefined },
      }));
    });
  }, [jobs, places, open, found, project, onOpen, onAdd, mayChange]);
  const edges = useMemo(() => edgesOf(jobs, byId), [jobs, byId]);
  const change = useCallback((changes: NodeChange<FlowNode>[]) => setNodes((before) => applyNodeChanges(changes, before)), []);
  useEffect(() => {
    const wanted = new Set(selected);
    setNodes((before) => (before.some((node) => Boolean(node.selected) !== wanted.has(Number(node.id))) ? before.map((node) => ({ ...node, selected: wanted.has(Number(node.id)) })) : before));
  }, [selected]);
  useCentre(found, open, places);

  const allowed = useCallback(
    (link: Connection | Edge) => {
      const source = byId.get(Number(link.source)), target = byId.get(Number(link.target));
      if (!source || !target || source.id === target.id || target.scope === "source") return false;
      if (source.scope === "set" && target.scope !== "set") return false;
      return !behind(jobs, [target.id]).has(source.id) && fits(target.needs.map((need) => need.split("|")), source.slots);
    },
    [byId, jobs],
  );

  return (
    <ReactFlow<FlowNode, Edge>
      nodes={nodes}
      edges={edges}
      nodeTypes={TYPES}
      onNodesChange={change}
      onSelectionChange={({ nodes: some }) => {
        const ids = some.map((node) => Number(node.id));
        if (ids.join() !== chosen.current.join()) onSelect(ids);
      }}
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
      {jobs.length > 12 && <MiniMap pannable zoomable nodeColor={(node: FlowNode) => lookOf(node.data.job.state).colour} className={classes.hide} ariaLabel="Small map of the graph" />}
    </ReactFlow>
  );
}

/** What is shown first of a large graph: the open job, else the first ones. */
function around(jobs: JobLine[], open: number | null): { id: string }[] {
  return (open === null ? jobs.slice(0, 8).map((job) => job.id) : [open]).map((id) => ({ id: String(id) }));
}

function edgesOf(jobs: JobLine[], byId: Map<number, JobLine>): Edge[] {
  return linksOf(jobs).map(({ id, source, output, target }) => {
    const count = byId.get(source)?.given[output];
    const number = count === undefined ? undefined : formatCount(count);
    const branch = output === "items" ? (byId.get(source)?.outputs.includes("rejected") ? "kept" : "") : output.replace("_", " ");
    return {
      id,
      source: String(source),
      target: String(target),
      sourceHandle: output,
      label: [branch, number].filter(Boolean).join(" ") || undefined,
      animated: byId.get(target)?.state === "running",
      style: { stroke: "var(--mantine-color-dimmed)", ...(output === "rejected" ? { strokeDasharray: "4 4" } : {}) },
      markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--mantine-color-dimmed)" },
      labelStyle: { fontSize: 12, fontVariantNumeric: "tabular-nums" },
      labelBgPadding: [4, 2] as [number, number],
      labelBgBorderRadius: 3,
    };
  });
}

/** Bring what is searched for, or was opened by an address, into sight. */
function useCentre(found: number[], open: number | null, places: ReturnType<typeof placesOf>) {
  const flow = useReactFlow();
  const first = found[0];
  const began = useRef(false);
  useEffect(() => {
    const wanted = first ?? (began.current ? undefined : open ?? undefined);
    began.current = true;
    const place = wanted === undefined ? undefined : places.get(wanted);
    if (!place) return;
    const timer = setTimeout(() => void flow.setCenter(place.x + NODE_WIDTH / 2, place.y + NODE_HEIGHT / 2, { zoom: Math.max(0.8, Math.min(1, flow.getZoom())), duration: 200 }), 80);
    return () => clearTimeout(timer);
  }, [first, open, places, flow]);
}
