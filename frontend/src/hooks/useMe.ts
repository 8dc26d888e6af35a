/** Who uses the page. */
import { useQuery } from "@tanstack/react-query";
import { client, need, setCsrf, type Me } from "@/client/client";

export function useMe() {
  return useQuery({
    queryKey: ["me"],
    staleTime: Infinity,
    retry: false,
    queryFn: async () => {
      const me = await need(client.GET("/api/me"));
      setCsrf(me.csrf ?? null);
      return me;
    },
  });
}

const RANK = { viewer: 1, operator: 2, owner: 3 } as const;
export type Role = keyof typeof RANK;

/** Whether the user has at least this role in a project (or on the server). */
export function hasRole(me: Me | undefined, needed: Role, project?: string): boolean {
  if (!me) return false;
  const roles = [me.role, project === undefined ? undefined : me.rights[project]];
  return roles.some((role) => role != null && RANK[role] >= RANK[needed]);
}
