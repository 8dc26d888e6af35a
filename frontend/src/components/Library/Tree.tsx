import { useDroppable } from "@dnd-kit/core";
import { ActionIcon, Button, Menu, SegmentedControl, Skeleton, TextInput } from "@mantine/core";
import { IconDots, IconFilter, IconFolder, IconFolders, IconPlus, IconTag, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { memo, useState, type ReactNode } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { formatCount } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import classes from "./Library.module.css";
import { FlagMark } from "./Marks";
import type { Shown, Side } from "./query";
import type { FilterLine } from "./SaveFilter";

interface Given {
  project: string;
  shown: Shown;
  change: (part: Partial<Shown>) => void;
  mayChange: boolean;
  filters: FilterLine[];
  onEdit: (filter: FilterLine) => void;
  onVersions: (filter: FilterLine) => void;
}

export function useMarks(project: string) {
  return useQuery({
    queryKey: ["p", project, "marks"],
    queryFn: () => need(client.GET("/api/projects/{project}/groups", { params: { path: { project } } })),
  });
}

/** Groups, flags, tags and filters: each shows its items by a click, and groups take rows that are dropped on them. */
export const Tree = memo(function Tree({ project, shown, change, mayChange, filters, onEdit, onVersions }: Given) {
  const { data, error } = useMarks(project);
  const action = useAction(project);
  const [naming, setNaming] = useState<string | null>(null);
  if (error) return <Fault error={error} />;
  if (!data) return <Skeleton height={220} m={8} />;
  const all = data.groups.reduce((sum, group) => sum + (group.name === "TRASH" ? 0 : group.count), 0);
  const name = (from: string, to: string) => {
    setNaming(null);
    if (!to.trim() || to === from) return;
    if (from) action.mutate({ name: "rename_group", body: { group: from, name: to }, told: `${from} is called ${to}`, undo: () => action.mutate({ name: "rename_group", body: { group: to, name: from } }) });
    else action.mutate({ name: "make_group", body: { group: to } });
    if (from && shown.group === from) change({ group: to });
  };
  return (
    <nav aria-label="Groups and filters">
      <Title text="Groups" action={mayChange && <Add label="New group" onClick={() => setNaming("")} />} />
      <Node on={!shown.group} icon={<IconFolders size={16} aria-hidden />} name="All images" count={all} onClick={() => change({ group: "" })} />
      {data.groups.map((group) =>
        naming === group.name && naming !== "" ? (
          <Naming key={group.name} start={group.name} onDone={(to) => name(group.name, to)} />
        ) : (
          <GroupNode key={group.name} name={group.name} count={group.count} on={shown.group === group.name} onClick={() => change({ group: group.name })}>
            {mayChange && !group.fixed && (
              <Dots label={`Group ${group.name}`}>
                <Menu.Item onClick={() => setNaming(group.name)}>Rename</Menu.Item>
                <Menu.Item
                  disabled={group.count > 0}
                  onClick={() => {
                    action.mutate({ name: "remove_group", body: { group: group.name }, told: `${group.name} is removed`, undo: () => action.mutate({ name: "make_group", body: { group: group.name } }) });
                    if (shown.group === group.name) change({ group: "" });
                  }}
                >
                  {group.count > 0 ? "Remove (move its images first)" : "Remove"}
                </Menu.Item>
              </Dots>
            )}
          </GroupNode>
        ),
      )}
      {naming === "" && <Naming start="" onDone={(to) => name("", to)} />}
      <Title text="Flags" />
      {Object.entries(data.flags).map(([flag, count]) => (
        <Node key={flag} on={shown.flag === flag} icon={<FlagMark flag={flag} />} name={flag} count={count} onClick={() => change({ flag: shown.flag === flag ? "" : flag })} />
      ))}
      {Object.keys(data.tags).length > 0 && <Title text="Tags" />}
      {Object.entries(data.tags).map(([tag, count]) => (
        <Node key={tag} on={shown.tag === tag} icon={<IconTag size={15} aria-hidden />} name={tag} count={count} onClick={() => change({ tag: shown.tag === tag ? "" : tag })} />
      ))}
      <Filters filters={filters} shown={shown} change={change} mayChange={mayChange} onEdit={onEdit} onVersions={onVersions} />
    </nav>
  );
});

const FEW = 12;

function Filters({ filters, shown, change, mayChange, onEdit, onVersions }: Omit<Given, "project">) {
  const [all, setAll] = useState(false);
  const [text, setText] = useState("");
  const found = filters.filter((filter) => filter.title.toLowerCase().includes(text.toLowerCase()) || filter.job === shown.filter);
  const some = all ? found.slice(0, 200) : found.slice(0, FEW);
  const chosen = filters.find((filter) => filter.job === shown.filter);
  const listed = chosen && !some.includes(chosen) ? [chosen, ...some] : some;
  return (
    <>
      <Title text="Filters" />
      {filters.length > FEW && (
        <TextInput size="xs" px={8} mb={4} placeholder="Name" aria-label="Search filters" value={text} onChange={(event) => setText(event.currentTarget.value)} />
      )}
      {filters.length === 0 && <div style={{ padding: "0 8px", fontSize: 12, color: "var(--mantine-color-dimmed)" }}>Set conditions and save them</div>}
      {listed.map((filter) => (
        <div key={filter.job}>
          <Node
            on={shown.filter === filter.job}
            icon={<IconFilter size={15} aria-hidden />}
            name={filter.title}
            title={`J${filter.job}: ${filter.expression}`}
            count={filter.passed ?? undefined}
            onClick={() => change({ filter: shown.filter === filter.job ? null : filter.job, side: "all" })}
          >
            <Dots label={`Filter ${filter.title}`}>
              {mayChange && <Menu.Item onClick={() => onEdit(filter)}>Change</Menu.Item>}
              <Menu.Item onClick={() => onVersions(filter)}>Versions</Menu.Item>
            </Dots>
          </Node>
          {shown.filter === filter.job && (
            <SegmentedControl
              fullWidth
              size="xs"
              my={4}
              aria-label="Which images of the filter"
              value={shown.side}
              onChange={(side) => change({ side: side as Side })}
              data={[{ value: "all", label: "All" }, { value: "items", label: "In" }, { value: "rejected", label: "Out" }, { value: "by hand", label: "Hand" }]}
            />
          )}
        </div>
      ))}
      {!all && found.length > FEW && (
        <Button size="compact-xs" variant="subtle" onClick={() => setAll(true)}>
          {formatCount(found.length - FEW)} more
        </Button>
      )}
    </>
  );
}

function Title({ text, action }: { text: string; action?: ReactNode }) {
  return (
    <div className={classes.title}>
      {text}
      {action}
    </div>
  );
}

function Add({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <ActionIcon size="sm" variant="subtle" aria-label={label} title={label} onClick={onClick}>
      <IconPlus size={14} />
    </ActionIcon>
  );
}

function Naming({ start, onDone }: { start: string; onDone: (name: string) => void }) {
  const [text, setText] = useState(start);
  return (
    <TextInput
      size="xs"
      px={8}
      autoFocus
      aria-label="Name of the group"
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => onDone(text)}
      onKeyDown={(event) => {
        if (event.key === "Enter") onDone(text);
        if (event.key === "Escape") onDone(start);
        event.stopPropagation();
      }}
    />
  );
}

function Dots({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon size="sm" variant="subtle" color="gray" aria-label={label}>
          <IconDots size={14} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}

interface NodeGiven {
  on: boolean;
  icon: ReactNode;
  name: string;
  title?: string;
  count?: number;
  over?: boolean;
  onClick: () => void;
  children?: ReactNode;
}

function Node({ on, icon, name, title, count, over, onClick, children }: NodeGiven) {
  const look = [classes.node, on && classes.nodeOn, over && classes.nodeOver].filter(Boolean).join(" ");
  return (
    <div className={classes.nodeRow}>
      <button type="button" className={look} aria-pressed={on} title={title ?? name} onClick={onClick}>
        {icon}
        <span className={classes.nodeName}>{name}</span>
        {count !== undefined && <span className={classes.nodeCount}>{formatCount(count)}</span>}
      </button>
      {children}
    </div>
  );
}

function GroupNode({ name, count, on, onClick, children }: { name: string; count: number; on: boolean; onClick: () => void; children?: ReactNode }) {
  const { setNodeRef, isOver } = useDroppable({ id: `group ${name}` });
  const icon = name === "TRASH" ? <IconTrash size={16} aria-hidden /> : <IconFolder size={16} aria-hidden />;
  return (
    <div ref={setNodeRef}>
      <Node on={on} over={isOver} icon={icon} name={name} count={count} onClick={onClick}>
        {children}
      </Node>
    </div>
  );
}
