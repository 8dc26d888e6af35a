/** The page of this server to which `?next=` leads; addresses of other servers are not followed. */
export function pageAfter(params: URLSearchParams): string {
  const next = params.get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) && !next.startsWith("/login") ? next : "/";
}
