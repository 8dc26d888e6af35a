/** Places of the nodes: left to right, each behind its inputs. */
import dagre from "@dagrejs/dagre";
import type { JobLine } from "@/components/Job/queries";

export const NODE_WIDTH = 236;
export const NODE_HEIGHT = 104;

export interface Link {
  id: string;
  source: number;
  output: string;
  target: number;
}

/** `J4:rejected` → its job and output. */
export function readInput(text: string): { source: number; output: string } {
  const [job, output] = text.split(":");
  return { source: Number(job!.slice(1)), output: output ?? "items" };
}

export function linksOf(jobs: readonly JobLine[]): Link[] {
  return jobs.flatMap((job) =>
    job.inputs.map((text) => {
      const { source, output } = readInput(text);
      return { id: `${source}:${output}-${job.id}`, source, output, target: job.id };
    }),
  );
}

/** What the places depend on: jobs and edges, not their states. */
export function shapeOf(jobs: readonly JobLine[]): string {
  return jobs.map((job) => `${job.id}<${job.inputs.join("+")}`).join(" ");
}

export type Places = Map<number, { x: number; y: number }>;

export function placesOf(jobs: readonly JobLine[]): Places {
  const graph = new dagre.graphlib.Graph();
  // Ranking by longest path is quick for a thousand jobs in a row; the fine method takes minutes.
  graph.setGraph({ rankdir: "LR", nodesep: 28, ranksep: 72, ranker: jobs.length > 150 ? "longest-path" : "network-simplex" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const job of jobs) graph.setNode(String(job.id), { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const link of linksOf(jobs)) graph.setEdge(String(link.source), String(link.target));
  dagre.layout(graph);
  return new Map(
    jobs.map((job) => {
      const { x, y } = graph.node(String(job.id));
      return [job.id, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }];
    }),
  );
}

/** Everything behind some jobs, themselves included. */
export function behind(jobs: readonly JobLine[], start: Iterable<number>): Set<number> {
  const found = new Set(start);
  for (const job of jobs) {
    if (job.inputs.some((text) => found.has(readInput(text).source))) found.add(job.id);
  }
  return found;
}
