/** Requests to the server, typed by its schema; every fault is a `Fault`. */
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Fault = Schemas["Fault"] & { status: number };

/** What a failed request throws: `{code, message, hint, context}` and the HTTP status. */
export class RequestFault extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
  }
}

let csrf: string | null = null;
/** What every change must carry; told by `/api/me`. */
export function setCsrf(token: string | null): void {
  csrf = token;
}
export function csrfToken(): string | null {
  return csrf;
}

const sign: Middleware = {
  onRequest({ request }) {
    if (csrf && request.method !== "GET") request.headers.set("X-Vitreous-CSRF", csrf);
    return request;
  },
};

export const client = createClient<paths>({ baseUrl: "/" });
client.use(sign);

/** A fault of any shape as a `Fault`. */
export function asFault(error: unknown, status = 0): Fault {
  if (error instanceof RequestFault) return error.fault;
  const shape = (typeof error === "object" && error !== null ? error : {}) as Partial<Fault>;
  return {
    code: shape.code ?? "connection",
    message: shape.message ?? "the server does not answer",
    hint: shape.hint ?? "Check that it runs and that the network is there; the page tries again by itself",
    context: shape.context ?? {},
    status,
  };
}

/** The data of an answer, or its fault thrown. */
export async function need<T>(answer: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok || error !== undefined) throw new RequestFault(asFault(error, response.status));
  return data as T;
}

type ActionPath = Extract<keyof paths, `/api/projects/{project}/actions/${string}`>;
export type ActionName = ActionPath extends `/api/projects/{project}/actions/${infer N}` ? N : never;
export type ActionBody<N extends ActionName> =
  paths[`/api/projects/{project}/actions/${N}`]["post"]["requestBody"]["content"]["application/json"];

/** Do an action in a project; gives what the action returns. */
export async function act<N extends ActionName>(project: string, name: N, body: ActionBody<N>): Promise<unknown> {
  const answer = await fetch(`/api/projects/${encodeURIComponent(project)}/actions/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(csrf ? { "X-Vitreous-CSRF": csrf } : {}) },
    body: JSON.stringify(body),
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new RequestFault(asFault(content, answer.status));
  return (content as { value: unknown }).value;
}
