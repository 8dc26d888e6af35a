/** Questions and changes about accounts; a change asks anew what it may have changed. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { asFault, client, need } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { tell } from "@/hooks/useAction";

export const useSessions = () =>
  useQuery({ queryKey: ["account", "sessions"], queryFn: () => need(client.GET("/api/sessions")) });
export const useTokens = () => useQuery({ queryKey: ["account", "tokens"], queryFn: () => need(client.GET("/api/tokens")) });
export const useUsers = () => useQuery({ queryKey: ["account", "users"], queryFn: () => need(client.GET("/api/users")) });
export const useServerLog = () =>
  useQuery({ queryKey: ["account", "log"], queryFn: () => need(client.GET("/api/server/log")), refetchInterval: 15_000 });

/** A change; `told` is said in a corner when it is done. A fault is shown in a corner unless `quiet`. */
export function useChange<Given, Found>(change: (given: Given) => Promise<Found>, told?: (found: Found, given: Given) => string, quiet = false) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (found, given) => {
      if (told) tell(told(found, given));
    },
    onError: (error) => {
      if (!quiet) showFault(asFault(error));
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["account"] }),
  });
}
