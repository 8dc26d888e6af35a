/** Where an image is on the server, and its rasters: 8 bits per pixel, drawn by the page. */
import { asFault, RequestFault } from "@/client/client";
import type { paths } from "@/client/schema";

type Answer<P extends keyof paths> = paths[P] extends { get: { responses: { 200: { content: { "application/json": infer T } } } } } ? T : never;
export type Facts = Answer<"/api/files/{number}/info">;
export type Radial = Answer<"/api/files/{number}/radial">;
export type Values = Answer<"/api/files/{number}/values">;

/** An image: the start of its addresses, and what they all carry. */
export interface Place {
  base: string;
  query: Record<string, string>;
  project: string | null;
  item: number | null;
}

/** The image that an address of the page names; `null` where it names none. */
export function placeOf(params: URLSearchParams, view: string): Place | null {
  const file = params.get("file");
  if (file !== null) return { base: `/api/files/${encodeURIComponent(file)}`, query: {}, project: null, item: null };
  const project = params.get("project");
  if (project === null) return null;
  const base = `/api/projects/${encodeURIComponent(project)}/images`;
  const path = params.get("path");
  if (path !== null) return { base, query: { path }, project, item: null };
  const item = Number(params.get("item"));
  return Number.isInteger(item) && item > 0 ? { base, query: { item: String(item), view }, project, item } : null;
}

export function urlOf(place: Place, what: string, more: Record<string, string | number | undefined> = {}): string {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(more)) if (value !== undefined) query.set(name, String(value));
  return `${place.base}/${what}?${query.toString()}`;
}

/** A picture in 8 bits, top row first. Value of a byte b: low + (high - low) b / 255; dark to bright looks well. */
export interface Raster {
  width: number;
  height: number;
  low: number;
  high: number;
  dark: number;
  bright: number;
  pixels: Uint8Array;
  facts: Record<string, unknown>;
}

export async function getRaster(url: string, signal?: AbortSignal): Promise<Raster> {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new RequestFault(asFault(await answer.json().catch(() => ({})), answer.status));
  const facts = JSON.parse(answer.headers.get("X-Picture") ?? "{}") as Record<string, unknown>;
  const pixels = new Uint8Array(await answer.arrayBuffer());
  const { width, height, low, high, dark, bright } = facts as unknown as Omit<Raster, "pixels" | "facts">;
  return { width, height, low, high, dark, bright, pixels, facts };
}

export async function getJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(url, { signal });
  const content: unknown = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new RequestFault(asFault(content, answer.status));
  return content as T;
}
