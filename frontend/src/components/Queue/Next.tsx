import { closestCenter, DndContext, KeyboardSensor, PointerSensor, useSensor, useSensors, type DragEndEvent } from "@dnd-kit/core";
import { SortableContext, sortableKeyboardCoordinates, useSortable, verticalListSortingStrategy, arrayMove } from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import { ActionIcon, Button, Menu, SegmentedControl, Text } from "@mantine/core";
import { IconArrowBarToDown, IconArrowBarToUp, IconDotsVertical, IconGripVertical, IconLock, IconRotate } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { counted, formatCount } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { QuarantineDialog } from "./QuarantineDialog";
import classes from "./Queue.module.css";
import type { NextTask, Queue } from "./queue";

const keyOf = (task: NextTask) => `${task.job}-${task.item}`;

/** The tasks that come next; dragged, or moved by the menu of a row. */
export function Next({ project, queue, onMore, onOpen }: { project: string; queue: Queue; onMore?: () => void; onOpen: (task: NextTask) => void }) {
  const may = useMayChange(project);
  const action = useAction(project);
  const [shown, setShown] = useState(queue.next);
  const [quarantined, setQuarantined] = useState<NextTask | null>(null);
  useEffect(() => setShown(queue.next), [queue.next]);
  const sensors = useSensors(useSensor(PointerSensor, { activationConstraint: { distance: 4 } }), useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }));

  const dropped = ({ active, over }: DragEndEvent) => {
    if (!over || active.id === over.id) return;
    const from = shown.findIndex((task) => keyOf(task) === active.id);
    const to = shown.findIndex((task) => keyOf(task) === over.id);
    const moved = shown[from]!;
    const after = arrayMove(shown, from, to);
    const before = after.slice(to + 1).find((task) => task.item !== moved.item);
    setShown(after);
    const selection = { ids: [moved.item] };
    const told = `${moved.name} has another place`;
    const undo = () => action.mutate({ name: "order_items", body: { selection, place: "normal" } });
    if (before) action.mutate({ name: "place_items", body: { selection, before: `#${before.item}` }, told, undo });
    else action.mutate({ name: "order_items", body: { selection, place: "last" }, told, undo });
  };
  const place = (task: NextTask, where: "first" | "last" | "normal") => {
    const selection = { ids: [task.item] };
    const words = { first: "comes first", last: "comes last", normal: "comes when it is its turn" };
    const undo = where === "normal" ? undefined : () => action.mutate({ name: "order_items", body: { selection, place: "normal" } });
    action.mutate({ name: "order_items", body: { selection, place: where }, told: `${task.name} ${words[where]}`, undo });
  };
  const rule = (order: string) => action.mutate({ name: "change_settings", body: { values: { order }, origin: "user" } });

  return (
    <section className={classes.card} aria-labelledby="next-title">
      <div className={classes.head}>
        <Text fw={600} component="h2" id="next-title">
          Next <Text span c="dimmed" size="sm" fw={400}>{counted(queue.ready, "task")} ready</Text>
        </Text>
        <SegmentedControl
          size="xs"
          aria-label="Which image is worked on first"
          value={queue.order}
          onChange={rule}
          disabled={!may}
          data={[{ value: "first", label: "Oldest first" }, { value: "newest", label: "Newest first" }]}
        />
      </div>
      {shown.length === 0 && (
        <Text size="sm" c="dimmed">
          {queue.ready > 0 ? "The tasks that are ready can't be begun yet; see what waits." : "Nothing is ready to be begun."}
        </Text>
      )}
      <DndContext sensors={sensors} collisionDetection={closestCenter} onDragEnd={dropped}>
        <SortableContext items={shown.map(keyOf)} strategy={verticalListSortingStrategy}>
          <ol className={classes.list} aria-label="Next tasks, in order">
            {shown.map((task, number) => (
              <NextRow key={keyOf(task)} task={task} number={number + 1} title={queue.titles[task.job] ?? `J${task.job}`} may={may && task.item > 0}
                onPlace={(where) => place(task, where)} onQuarantine={() => setQuarantined(task)} onOpen={() => onOpen(task)} />
            ))}
          </ol>
        </SortableContext>
      </DndContext>
      {queue.ready > shown.length && shown.length > 0 && (
        <Button variant="subtle" size="compact-sm" mt={6} onClick={onMore} disabled={!onMore}>
          {onMore ? "Show more" : `${formatCount(queue.ready - shown.length)} further ones are in the tab Tasks`}
        </Button>
      )}
      {quarantined && <QuarantineDialog project={project} job={quarantined.job} item={quarantined.item} name={quarantined.name} close={() => setQuarantined(null)} />}
    </section>
  );
}

interface RowProps {
  task: NextTask;
  number: number;
  title: string;
  may: boolean;
  onPlace: (where: "first" | "last" | "normal") => void;
  onQuarantine: () => void;
  onOpen: () => void;
}

function NextRow({ task, number, title, may, onPlace, onQuarantine, onOpen }: RowProps) {
  const { attributes, listeners, setNodeRef, transform, transition, isDragging } = useSortable({ id: keyOf(task), disabled: !may });
  return (
    <li ref={setNodeRef} className={classes.row} style={{ transform: CSS.Translate.toString(transform), transition, zIndex: isDragging ? 1 : undefined, opacity: isDragging ? 0.8 : 1 }}>
      {may ? (
        <ActionIcon variant="subtle" color="gray" size="sm" className={classes.handle} {...attributes} {...listeners} aria-label={`Move ${task.name}`}>
          <IconGripVertical size={15} />
        </ActionIcon>
      ) : (
        <span />
      )}
      <Text size="xs" c="dimmed" className="number">{number}</Text>
      <Text size="sm" truncate title={task.name} component="button" type="button" onClick={onOpen} className="plain" style={{ overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", fontSize: 13 }}>
        {task.name}
      </Text>
      <Text size="xs" c="dimmed" truncate title={title}>
        {title}
        {task.rank !== 0 ? " · by hand" : ""}
      </Text>
      {may ? (
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`Place of ${task.name}`}>
              <IconDotsVertical size={15} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconArrowBarToUp size={15} />} onClick={() => onPlace("first")}>First</Menu.Item>
            <Menu.Item leftSection={<IconArrowBarToDown size={15} />} onClick={() => onPlace("last")}>Last</Menu.Item>
            <Menu.Item leftSection={<IconRotate size={15} />} onClick={() => onPlace("normal")}>When it is its turn</Menu.Item>
            <Menu.Divider />
            <Menu.Item leftSection={<IconLock size={15} />} onClick={onQuarantine}>Quarantine …</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      ) : (
        <span />
      )}
    </li>
  );
}
