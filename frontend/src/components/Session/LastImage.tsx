import { ActionIcon, Badge, Skeleton, Switch, Tooltip } from "@mantine/core";
import { IconArrowBarToRight, IconChevronLeft, IconChevronRight, IconListDetails } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Link } from "react-router";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { formatColumn, formatDuration, shown, UNKNOWN } from "@/components/format";
import { columnName, libraryLink } from "./session";
import classes from "./Session.module.css";

const Overview = lazy(() => import("@/components/Image/Overview").then(({ Overview: found }) => ({ default: found })));

const FACTS = ["counts_per_frame", "drift_total", "defocus", "fit_resolution", "iciness", "picks_found"];

interface Given {
  project: string;
  /** An image that is held, else the newest one. */
  held: number | null;
  onHold: (id: number | null) => void;
  /** s since 1970 on the server's clock. */
  now: number | undefined;
}

/** The newest image with its views and figures; held, it stays while others come. */
export function LastImage({ project, held, onHold, now }: Given) {
  const newest = useNeighbour(project, "newest", null).data;
  const id = held ?? newest ?? null;
  const before = useNeighbour(project, "before", id).data;
  const after = useNeighbour(project, "after", id).data;
  const item = useQuery({
    queryKey: ["p", project, "item", id],
    queryFn: () => need(client.GET("/api/projects/{project}/items/{item}", { params: { path: { project, item: id! } } })),
    enabled: id !== null,
    placeholderData: keepPreviousData,
  });
  const values = item.data?.values as Record<string, unknown> | undefined;
  const time = (values?.recorded ?? values?.imported) as number | undefined;
  const facts = FACTS.filter((name) => values && values[name] != null);
  return (
    <section className={classes.box} aria-label="Last image">
      <div className={classes.tools} style={{ flexWrap: "nowrap", marginBottom: 6 }}>
        <b>{held === null ? "Last image" : "Image"}</b>
        <span className={classes.quiet} style={{ fontSize: 12, whiteSpace: "nowrap" }}>
          {time !== undefined && now !== undefined ? `${formatDuration(Math.max(0, now - time))} ago` : UNKNOWN}
        </span>
        <span className={classes.grow} />
        <Step label="Image before" disabled={before == null} onClick={() => before != null && onHold(before)} icon={<IconChevronLeft size={18} />} />
        <Step label="Image after" disabled={after == null} onClick={() => after != null && onHold(after)} icon={<IconChevronRight size={18} />} />
        <Step label="Newest image" disabled={held === null} onClick={() => onHold(null)} icon={<IconArrowBarToRight size={18} />} />
        <Switch size="xs" label="Hold" checked={held !== null} onChange={(event) => onHold(event.currentTarget.checked ? id : null)} />
      </div>
      {item.error && <Fault error={item.error} retry={() => void item.refetch()} />}
      <div style={{ minHeight: 380 }}>
        {id !== null ? (
          <Suspense fallback={<Skeleton height={380} />}>
            <Overview project={project} item={id} set="drift" />
          </Suspense>
        ) : (
          <Skeleton height={380} />
        )}
      </div>
      <div className={classes.tools} style={{ flexWrap: "nowrap", marginTop: 6 }}>
        <span className={classes.name} title={item.data?.name}>
          {item.data?.name ?? " "}
        </span>
        {item.data?.flag && <Badge size="xs" color={item.data.flag === "gold" ? "yellow" : item.data.flag}>{item.data.flag}</Badge>}
        <span className={classes.grow} />
        {id !== null && (
          <Tooltip label="Show in the Library">
            <ActionIcon component={Link} to={libraryLink(project, `id == ${id}`)} variant="subtle" size="sm" aria-label="Show this image in the Library">
              <IconListDetails size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      <dl className={classes.facts} style={{ minHeight: 80 }}>
        {facts.map((name) => (
          <div key={name}>
            <dt>{columnName(name)}</dt>
            <dd>
              {formatColumn(name, values![name], name === "picks_found" ? "integer" : undefined)} <small style={{ fontWeight: 400 }}>{shown(name).unit}</small>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Step({ label, disabled, onClick, icon }: { label: string; disabled: boolean; onClick: () => void; icon: React.ReactNode }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" size="sm" aria-label={label} disabled={disabled} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

/** Images among which the newest processed one, and the neighbours of one, are looked for: no question about all. */
const NEAR = 300;

/** Number of the newest image whose motion is known (else of the newest), or of the one before or after another. */
function useNeighbour(project: string, which: "newest" | "before" | "after", id: number | null) {
  return useQuery({
    queryKey: ["p", project, "neighbour", which, id],
    enabled: which === "newest" || id !== null,
    placeholderData: which === "newest" ? keepPreviousData : undefined,
    queryFn: async () => {
      const ask = async (where?: string) => {
        const query = { columns: "name", where, order: which === "after" ? "id:asc" : "id:desc", limit: 1 };
        return (await need(client.GET("/api/projects/{project}/items", { params: { path: { project }, query } }))).ids[0] ?? null;
      };
      if (which === "before") return ask(`${id! - NEAR} < id < ${id}`);
      if (which === "after") return ask(`${id} < id < ${id! + NEAR}`);
      const last = await ask();
      // A project whose motion was not corrected yet has no such column.
      const processed = last === null ? null : await ask(`id > ${last - NEAR} and drift_total is not None`).catch(() => null);
      return processed ?? last;
    },
  });
}
