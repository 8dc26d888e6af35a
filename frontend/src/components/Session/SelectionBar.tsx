import { ActionIcon, Button, Menu } from "@mantine/core";
import { IconFlag, IconListDetails, IconPlayerPlay, IconTrash, IconX } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import { client, need } from "@/client/client";
import { counted, formatTime } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { FLAG_COLOURS } from "@/theme";
import { libraryLink } from "./session";
import classes from "./Session.module.css";

/** Images that were chosen on the page: those of a stretch of time, or by number. */
export type Chosen = { kind: "time"; from: number; to: number } | { kind: "ids"; ids: number[] };

interface Given {
  project: string;
  chosen: Chosen;
  condition: string;
  onClear: () => void;
}

const AddJobDialog = lazy(() => import("@/components/Job/AddJobDialog").then(({ AddJobDialog: found }) => ({ default: found })));

const MOST_IN_ADDRESS = 400;

/** What can be done with the chosen images. */
export function SelectionBar({ project, chosen, condition, onClear }: Given) {
  const may = useMayChange(project);
  const doAction = useAction(project);
  const found = useQuery({
    queryKey: ["p", project, "chosen", chosen, condition],
    queryFn: async () => (chosen.kind === "ids" ? { count: chosen.ids.length, expression: byNumber(chosen.ids) } : need(client.GET("/api/projects/{project}/chosen", { params: { path: { project }, query: { from: chosen.from, to: chosen.to, where: condition || undefined } } }))),
    placeholderData: keepPreviousData,
  });
  const [running, setRunning] = useState<number[] | null>(null);
  const count = found.data?.count ?? 0;
  const expression = found.data?.expression ?? null;
  const ids = async () => {
    if (chosen.kind === "ids") return chosen.ids;
    return (await need(client.GET("/api/projects/{project}/items/ids", { params: { path: { project }, query: { where: expression ?? undefined } } }))).ids;
  };
  const flag = async (colour: string) => {
    const all = await ids();
    const before = await need(client.POST("/api/projects/{project}/items/rows", { params: { path: { project } }, body: { ids: all, columns: ["flag"] } }));
    const undo = () => {
      for (const old of new Set(before.rows.map((row) => (row[0] as string | null) ?? "none"))) {
        const those = before.ids.filter((_, n) => ((before.rows[n]![0] as string | null) ?? "none") === old);
        doAction.mutate({ name: "flag_items", body: { selection: { ids: those }, flag: old } });
      }
    };
    doAction.mutate({ name: "flag_items", body: { selection: { ids: all }, flag: colour }, told: colour === "none" ? `${counted(all.length, "image")} without flag` : `${counted(all.length, "image")} flagged ${colour}`, undo });
  };
  const trash = async () => {
    const all = await ids();
    const undo = () => doAction.mutate({ name: "restore", body: { selection: { ids: all } } });
    doAction.mutate({ name: "trash", body: { selection: { ids: all } }, told: `${counted(all.length, "image")} in TRASH`, undo });
    onClear();
  };
  const library = expression === null ? null : libraryLink(project, expression);
  const none = count === 0;
  return (
    <div className={classes.bar} role="toolbar" aria-label="Selected images">
      <b>{counted(count, "image")} selected</b>
      <span className={classes.quiet} style={{ fontSize: 12 }}>
        {chosen.kind === "time" ? `${formatTime(chosen.from).slice(5)} – ${formatTime(chosen.to).slice(5)}` : "in the scatter plot"}
        {chosen.kind === "time" && condition && ", within the limits of the histograms"}
      </span>
      <span className={classes.grow} />
      {may && (
        <Menu>
          <Menu.Target>
            <Button size="compact-sm" variant="default" leftSection={<IconFlag size={15} />} disabled={none}>
              Flag
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {["green", "red", "blue", "gold", "none"].map((colour) => (
              <Menu.Item key={colour} leftSection={<IconFlag size={15} color={FLAG_COLOURS[colour] ?? "var(--mantine-color-dimmed)"} />} onClick={() => void flag(colour)}>
                {colour}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {may && (
        <Button size="compact-sm" variant="default" leftSection={<IconTrash size={15} />} disabled={none} onClick={() => void trash()}>
          Trash
        </Button>
      )}
      {library && !none ? (
        <Button size="compact-sm" variant="default" leftSection={<IconListDetails size={15} />} component={Link} to={library}>
          Open in Library
        </Button>
      ) : (
        <Button size="compact-sm" variant="default" leftSection={<IconListDetails size={15} />} disabled title="Too many for an address: flag them, then filter the Library by the flag">
          Open in Library
        </Button>
      )}
      {may && (
        <Button size="compact-sm" variant="default" leftSection={<IconPlayerPlay size={15} />} disabled={none} onClick={() => void ids().then(setRunning)}>
          Run a job
        </Button>
      )}
      {running && (
        <Suspense>
          <AddJobDialog project={project} opened onClose={() => setRunning(null)} selection={{ ids: running }} />
        </Suspense>
      )}
      <ActionIcon variant="subtle" color="gray" aria-label="Select nothing" onClick={onClear}>
        <IconX size={16} />
      </ActionIcon>
    </div>
  );
}

function byNumber(ids: number[]): string | null {
  if (ids.length === 0 || ids.length > MOST_IN_ADDRESS) return null;
  return ids.length === 1 ? `id == ${ids[0]}` : `id in (${ids.join(", ")})`;
}
