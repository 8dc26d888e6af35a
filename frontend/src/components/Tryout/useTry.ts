/** A form tried on one image: asked again a moment after each change; the newest wins. */
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client, need, RequestFault, type Schemas } from "@/client/client";

export type TryAnswer = Schemas["TryAnswer"];

/** ms after the last change; typing a number is one change. */
const PAUSE = 180;

interface Given {
  project: string;
  type: string;
  item: number | null;
  params: Record<string, unknown>;
  inputs: string[] | null;
  job: number | null;
  enabled: boolean;
}

export function useTry({ project, type, item, params, inputs, job, enabled }: Given) {
  const asked = JSON.stringify({ item, params, inputs, job });
  const [settled] = useDebouncedValue(asked, PAUSE);
  const body = JSON.parse(settled) as Omit<Schemas["TryAsked"], "item"> & { item: number | null };
  const query = useQuery<TryAnswer>({
    queryKey: ["try", project, type, settled],
    enabled: enabled && body.item !== null, // what has settled may be from before the images were known
    staleTime: Infinity,
    gcTime: 30_000,
    placeholderData: keepPreviousData,
    // Another window of the same person may have taken its place.
    retry: (count, error) => count < 2 && error instanceof RequestFault && error.fault.code === "cancelled",
    retryDelay: 600,
    queryFn: ({ signal }) =>
      need(client.POST("/api/projects/{project}/job-types/{name}/try", { params: { path: { project, name: type } }, body: body as Schemas["TryAsked"], signal })) as Promise<unknown> as Promise<TryAnswer>,
  });
  return { ...query, busy: enabled && (asked !== settled || query.isFetching) };
}
