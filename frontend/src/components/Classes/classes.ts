/** Questions about class averages to the server, how they are sorted, and where their pictures are. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client, need, type Schemas } from "@/client/client";
import { viewerUrl } from "@/components/Image/views";

export type Gallery = Schemas["ClassGallery"];
export type ClassAverage = Schemas["ClassAverage"];
export type ClassRun = Schemas["ClassRun"];
export type Selection = Schemas["ClassSelection"];
export type ClassCard = Schemas["ClassCard"];
export type Curves = Schemas["ClassCurves"];
export type Yield = Schemas["ClassYield"];
export type Source = "newest" | "result" | "running";

/** ms after which a run under way is asked again: its iterations do not change the project's catalogue. */
const LIVE = 3000;
const STAY = { placeholderData: keepPreviousData };

export function useGallery(project: string, job: string, source: Source) {
  return useQuery({
    queryKey: ["p", project, "classes", job, source],
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/classes", { params: { path: { project, job }, query: { source } } })),
    refetchInterval: ({ state }) => (state.data && (state.data.run?.running || state.data.state === "running") ? LIVE : false),
    ...STAY,
  });
}

export function useCurves(project: string, job: number, source: Source, stamp: string | undefined) {
  return useQuery({
    queryKey: ["class-curves", project, job, source, stamp],
    enabled: stamp !== undefined,
    staleTime: Infinity,
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/classes/curves", { params: { path: { project, job: String(job) }, query: { source } } })),
    select: compared,
    ...STAY,
  });
}

/** Curves as far as the averages were compared: beyond the limit of the search all values are 0, and say nothing. */
function compared(curves: Curves): Curves {
  const frc = Object.entries(curves.frc).map(([number, values]) => {
    const end = values.findLastIndex((value) => value !== null && value !== 0);
    return [number, values.map((value, place) => (place > end ? null : value))] as const;
  });
  return { ...curves, frc: Object.fromEntries(frc) };
}

export function useCards(project: string, job?: number) {
  return useQuery({
    queryKey: ["p", project, "class-cards", job ?? null],
    queryFn: () => need(client.GET("/api/projects/{project}/classes", { params: { path: { project }, query: { job } } })),
    refetchInterval: ({ state }) => (state.data?.some((card) => card.run?.running || card.state === "running") ? LIVE : false),
  });
}

export function useParticles(project: string, job: number, classes: string, order: Order, limit: number, offset: number) {
  return useQuery({
    queryKey: ["p", project, "class-particles", job, classes, order, limit, offset],
    queryFn: () =>
      need(client.GET("/api/projects/{project}/jobs/{job}/classes/particles", { params: { path: { project, job: String(job) }, query: { classes, order, limit, offset } } })),
  });
}
export type Order = "probability" | "doubtful" | "number";

export function useImages(project: string, job: number, classes: string, fewest: boolean, limit: number) {
  return useQuery({
    queryKey: ["p", project, "class-images", job, classes, fewest, limit],
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/classes/images", { params: { path: { project, job: String(job) }, query: { classes, fewest, limit } } })),
    ...STAY,
  });
}

export function useYield(project: string, job: number, classes: string) {
  return useQuery({
    queryKey: ["p", project, "class-yield", job, classes],
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/classes/yield", { params: { path: { project, job: String(job) }, query: { classes } } })),
    ...STAY,
  });
}

export const SORTS = {
  rank: { label: "Rank", by: (one: ClassAverage) => one.rank },
  particles: { label: "Particles", by: (one: ClassAverage) => -one.particles },
  resolution: { label: "Resolution", by: (one: ClassAverage) => one.resolution ?? Infinity },
  quality: { label: "Quality", by: (one: ClassAverage) => -(one.quality ?? -1) },
  number: { label: "Number", by: (one: ClassAverage) => one.number },
} as const;
export type Sort = keyof typeof SORTS;

export function sorted(classes: readonly ClassAverage[], sort: string): ClassAverage[] {
  const { by } = SORTS[(sort in SORTS ? sort : "rank") as Sort];
  return [...classes].sort((a, b) => by(a) - by(b) || a.number - b.number);
}

export const SIZES = [64, 96, 128, 160, 192, 256, 320] as const;

/** Address of an average; with the stamp of the files the browser keeps it for ever. */
export function averageUrl(project: string, job: number, run: ClassRun, number: number, size: number): string {
  const wanted = [64, 128, 192, 256, 384, 512, 768].find((known) => known >= size * Math.min(2, window.devicePixelRatio || 1)) ?? 1024;
  const query = new URLSearchParams({ size: String(wanted), source: run.running ? "running" : "result", v: run.stamp });
  return `/api/projects/${encodeURIComponent(project)}/jobs/${job}/classes/${number}.png?${query.toString()}`;
}

/** Address of the page of classes of a job. */
export function classesUrl(project: string, job: number, number?: number): string {
  return `/p/${encodeURIComponent(project)}/jobs/${job}/classes${number === undefined ? "" : `?class=${number}`}`;
}

/** The viewer with the particles of some classes drawn on their image. */
export function particlesUrl(project: string, item: number, job: number, classes: string): string {
  return `${viewerUrl(project, item, "after")}&${new URLSearchParams({ layers: "particles", classes, job: `J${job}` }).toString()}`;
}

/** What a choice keeps. */
export interface Kept {
  classes: number;
  particles: number;
  /** Of all particles in classes, 0..1; `null` where there are none. */
  part: number | null;
}

export function keptOf(classes: readonly ClassAverage[], chosen: ReadonlySet<number>): Kept {
  let number = 0, particles = 0, all = 0;
  for (const one of classes) {
    all += one.particles;
    if (!chosen.has(one.number)) continue;
    number++;
    particles += one.particles;
  }
  return { classes: number, particles, part: all ? particles / all : null };
}

/** Classes that the automatic rule keeps: of at least that quality. */
export function suggestedAt(classes: readonly ClassAverage[], threshold: number): number[] {
  return classes.filter((one) => one.quality !== null && one.quality >= threshold).map((one) => one.number);
}

/** What `select-classes` takes unless it is told another one. */
const USUAL = 0.5;

/** The threshold at which the classes that the job marks are kept: that of the rule as it stands by itself, else one between
 * the worst kept and the best other. */
export function usualThreshold(classes: readonly ClassAverage[]): number {
  const kept = classes.filter((one) => one.suggested && one.quality !== null).map((one) => one.quality!);
  const other = classes.filter((one) => !one.suggested && one.quality !== null).map((one) => one.quality!);
  if (kept.length === 0 || (kept.every((value) => value >= USUAL) && other.every((value) => value < USUAL))) return USUAL;
  const low = other.filter((value) => value < Math.min(...kept));
  return Math.floor(50 * (Math.min(...kept) + (low.length ? Math.max(...low) : Math.min(...kept)))) / 100;
}

export function isClassJob(job: { type: string; gives?: readonly string[] }): boolean {
  return job.type === "select-classes" || job.type === "classify2d" || Boolean(job.gives?.includes("classes2d"));
}
