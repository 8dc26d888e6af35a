import { ActionIcon, Alert, Group, SegmentedControl, Skeleton, Stack, Text, Tooltip } from "@mantine/core";
import { IconMaximize, IconThumbUp, IconHandStop, IconWaveSine } from "@tabler/icons-react";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { memo, useEffect, type ReactNode } from "react";
import { useNavigate } from "react-router";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { Overview } from "@/components/Image/Overview";
import { pictureUrl, SETS, viewerUrl, type SetName, type ViewsAnswer } from "@/components/Image/views";
import { ItemDecisions } from "./ItemDecisions";
import { ItemNotes } from "./ItemNotes";
import { ItemTasks } from "./ItemTasks";
import { ItemValues } from "./ItemValues";

/** Everything about one item; kept while the next one is on its way. */
export function useItem(project: string, item: number | null) {
  return useQuery({
    queryKey: ["p", project, "item", item],
    enabled: item !== null,
    placeholderData: keepPreviousData,
    queryFn: () => need(client.GET("/api/projects/{project}/items/{item}", { params: { path: { project, item: item! } } })),
  });
}

interface Given {
  project: string;
  item: number | null;
  set: SetName;
  onSet: (set: SetName) => void;
  /** Items beside it, whose pictures are fetched ahead. */
  near?: number[];
  mayChange: boolean;
}

/** The image under the cursor: four views, its values, its tasks, what people said of it. */
export const Preview = memo(function Preview({ project, item, set, onSet, near, mayChange }: Given) {
  const { data, error } = useItem(project, item);
  const navigate = useNavigate();
  useAhead(project, near, set);
  if (item === null) {
    return (
      <Text p="md" size="sm" c="dimmed">
        Move the cursor to an image to see it here.
      </Text>
    );
  }
  return (
    <Stack gap={12} p={12} aria-label="Preview" component="section">
      <Group gap={8} wrap="nowrap" justify="space-between" h={28}>
        <Text fw={600} size="sm" truncate title={data?.name}>
          {data?.name ?? "…"}
        </Text>
        <Group gap={4} wrap="nowrap">
          <Tooltip label="FFT (F)">
            <ActionIcon variant="subtle" size="sm" aria-label="FFT in the viewer" onClick={() => void navigate(viewerUrl(project, item, "fft_after"))}>
              <IconWaveSine size={16} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Whole image (Enter)">
            <ActionIcon variant="subtle" size="sm" aria-label="Open in the viewer" onClick={() => void navigate(viewerUrl(project, item, "after"))}>
              <IconMaximize size={16} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label="Views"
        value={set}
        onChange={(value) => onSet(value as SetName)}
        data={Object.entries(SETS).map(([value, { title }]) => ({ value, label: title }))}
      />
      <Overview project={project} item={item} set={set} />
      {error && <Fault error={error} />}
      {!data && !error && <Skeleton height={240} />}
      {data && (
        <>
          {data.by_hand.map((entry) => (
            <Alert key={entry.job} p={8} color={entry.verdict === "kept" ? "teal" : "red"} variant="light" icon={entry.verdict === "kept" ? <IconThumbUp size={16} /> : <IconHandStop size={16} />}>
              {entry.verdict === "kept" ? "Kept" : "Rejected"} by hand in {entry.title}
              {entry.reason && `: ${entry.reason}`}
            </Alert>
          ))}
          <Part title="Steps">
            <ItemTasks project={project} item={data} />
          </Part>
          <ItemNotes key={data.id} project={project} item={data} mayChange={mayChange} />
          <ItemValues project={project} item={data} />
          <ItemDecisions item={data} />
        </>
      )}
    </Stack>
  );
});

export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div role="group" aria-label={title}>
      <Text size="xs" fw={600} c="dimmed" mb={4}>
        {title}
      </Text>
      {children}
    </div>
  );
}

const AHEAD = 250;

/** Fetch the pictures of the neighbours while the cursor rests. */
function useAhead(project: string, near: number[] | undefined, set: SetName): void {
  const queries = useQueryClient();
  const text = near?.join(",") ?? "";
  useEffect(() => {
    if (!text) return;
    const timer = window.setTimeout(() => {
      for (const id of text.split(",").map(Number)) {
        void queries
          .fetchQuery<ViewsAnswer>({
            queryKey: ["p", project, "views", id],
            staleTime: 60_000,
            queryFn: () => need(client.GET("/api/projects/{project}/items/{item}/views", { params: { path: { project, item: id } } })),
          })
          .then((answer) => {
            for (const view of answer.views.views) {
              if (!view.available || !SETS[set].views.includes(view.name)) continue;
              if (view.name === "trajectory" || view.name === "curves") continue;
              new Image().src = pictureUrl(project, id, view, 400);
            }
          })
          .catch(() => undefined); // only ahead of need: the preview itself tells of faults
      }
    }, AHEAD);
    return () => window.clearTimeout(timer);
  }, [project, queries, set, text]);
}
