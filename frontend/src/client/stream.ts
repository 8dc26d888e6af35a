/** One connection to the stream of events, kept open: begun anew when it breaks, at rest while nobody looks. */
import { setCsrf } from "./client";

const EVENTS = ["state", "log", "reset", "fault", "gone", "beat"] as const;
export type StreamEvent = (typeof EVENTS)[number];

/** ms to wait before the first, second … try to connect again. */
const PAUSES = [500, 1000, 2000, 3000];
/** ms without a sign of life (the server gives one each 15 s) after which the connection is taken for dead. */
const SILENCE = 40_000;
/** ms after which a page that is not looked at lets its connection go: a browser has only six per server. */
const REST = 60_000;

export interface StreamHandlers {
  onEvent: (kind: StreamEvent, content: unknown) => void;
  /** Whether there is a connection; `again`: it was there before. */
  onConnection: (connected: boolean, again: boolean) => void;
  /** Nobody is signed in any more. */
  onSignedOut: () => void;
}

/** Opens the stream; gives what closes it. */
export function openStream(handlers: StreamHandlers): () => void {
  let source: EventSource | null = null;
  let last = "";
  let failures = 0;
  let before = false;
  let closed = false;
  let retry: number | undefined;
  let silence: number | undefined;
  let rest: number | undefined;

  const heard = () => {
    window.clearTimeout(silence);
    silence = window.setTimeout(lost, SILENCE);
  };
  const drop = () => {
    source?.close();
    source = null;
    window.clearTimeout(silence);
    window.clearTimeout(retry);
  };
  const lost = () => {
    if (closed || retry) return;
    drop();
    handlers.onConnection(false, before);
    const pause = PAUSES[Math.min(failures, PAUSES.length - 1)]!;
    failures += 1;
    retry = window.setTimeout(() => void tryAgain(), pause);
  };
  const tryAgain = async () => {
    retry = undefined;
    if (closed) return;
    if (failures > 1 && (await signedOut())) return handlers.onSignedOut();
    connect();
  };
  const connect = () => {
    if (closed || source) return;
    const opened = new EventSource(last ? `/api/events?after=${encodeURIComponent(last)}` : "/api/events");
    source = opened;
    heard();
    opened.onopen = () => {
      failures = 0;
      handlers.onConnection(true, before);
      before = true;
    };
    opened.onerror = () => {
      if (source === opened) lost();
    };
    for (const kind of EVENTS) {
      opened.addEventListener(kind, (event) => {
        heard();
        if (event.lastEventId) last = event.lastEventId;
        handlers.onEvent(kind, JSON.parse((event as MessageEvent<string>).data));
      });
    }
  };
  const looked = () => {
    window.clearTimeout(rest);
    if (document.hidden) rest = window.setTimeout(drop, REST);
    else if (!source && !retry) connect();
  };
  const now = () => {
    if (source || closed) return;
    window.clearTimeout(retry);
    retry = undefined;
    failures = 0;
    connect();
  };

  document.addEventListener("visibilitychange", looked);
  window.addEventListener("online", now);
  connect();
  return () => {
    closed = true;
    window.clearTimeout(rest);
    document.removeEventListener("visibilitychange", looked);
    window.removeEventListener("online", now);
    drop();
  };
}

async function signedOut(): Promise<boolean> {
  try {
    const answer = await fetch("/api/me");
    // After a restart of the server what changes must carry may be another one.
    if (answer.ok) setCsrf(((await answer.json()) as { csrf: string | null }).csrf);
    return answer.status === 401;
  } catch {
    return false;
  }
}
