import { DndContext, DragOverlay, PointerSensor, pointerWithin, useDraggable, useSensor, useSensors, type DragEndEvent } from "@dnd-kit/core";
import { arrayMove } from "@dnd-kit/sortable";
import { Button, Drawer } from "@mantine/core";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { asFault } from "@/client/client";
import { Empty } from "@/components/Empty/Empty";
import { Fault, showFault } from "@/components/Fault/Fault";
import { counted, formatCount } from "@/components/format";
import { Preview } from "@/components/Item/Preview";
import { AddJobDialog } from "@/components/Job/AddJobDialog";
import { tell, useAction } from "@/hooks/useAction";
import { ColumnMenu } from "./ColumnMenu";
import type { TableColumn } from "./columns";
import { joined } from "./conditions";
import { FilterVersions } from "./FilterVersions";
import { Gallery } from "./Gallery";
import { ItemParameters } from "./ItemParameters";
import { KeysHelp } from "./KeysHelp";
import classes from "./Library.module.css";
import { libraryKeys } from "./libraryKeys";
import { PhoneBar } from "./PhoneBar";
import { PhoneList } from "./PhoneList";
import { sorted } from "./query";
import { SaveFilter, type FilterLine } from "./SaveFilter";
import { SelectionBar } from "./SelectionBar";
import { UNKNOWN_ID } from "./selection";
import { Table } from "./Table";
import { Tools } from "./Tools";
import { Tree, useMarks } from "./Tree";
import { useKeys } from "./useKeys";
import { useLibrary, type LibraryState } from "./useLibrary";

type Dialog = { kind: "save" } | { kind: "edit" | "versions"; filter: FilterLine } | { kind: "keys" | "run" | "parameters" | "tree" | "item" } | null;

/** All images of a session: sorted, filtered, looked at, kept or thrown out. */
export function Library({ project }: { project: string }) {
  const state = useLibrary(project);
  const { shown, change, rows, choice, changes, phone, narrow, mayChange } = state;
  const [dialog, setDialog] = useState<Dialog>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const [perRow, setPerRow] = useState(1);
  const [choosing, setChoosing] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const marks = useMarks(project).data;
  const action = useAction(project);
  const gallery = state.view === "gallery" && !phone;
  const noFilter = useCallback(() => {
    const make = () =>
      void action
        .mutateAsync({ name: "add_job", body: { type: "filter", title: "By hand", params: { expression: 'name != ""', name: "By hand" } } as never })
        .then((job) => change({ filter: job as number, side: "all" }))
        .catch(() => undefined);
    const first = state.filters[0];
    if (first) {
      change({ filter: first.job, side: "all" });
      tell(`Decisions go into ${first.title}; choose another filter on the left`);
    } else make();
  }, [action, change, state.filters]);
  useKeys(libraryKeys({
    rows, choice, changes, mayChange, noFilter, filter: shown.filter, inTrash: state.inTrash, step: gallery ? perRow : 1,
    far: Math.max(1, (state.range[1] - state.range[0] - 14) * 1), open: state.open, focusFilter: () => input.current?.focus(),
    help: () => setDialog({ kind: "keys" }), turnView: () => state.setView(gallery ? "table" : "gallery"),
  }));
  const ids = useMemo(() => [...choice.ids], [choice.ids]);
  const columns = useMemo(() => state.names.map((name) => state.known.get(name)!), [state.names, state.known]);
  const at = choice.cursor?.id;
  const looked = useResting(hovered ?? (at === undefined || at === UNKNOWN_ID ? null : at));
  const near = useNear(state);
  const edit = useCallback((filter: FilterLine) => setDialog({ kind: "edit", filter }), []);
  const versions = useCallback((filter: FilterLine) => setDialog({ kind: "versions", filter }), []);
  const save = useCallback(() => setDialog({ kind: "save" }), []);
  const tree = <Tree project={project} shown={shown} change={change} mayChange={mayChange} filters={state.filters} onEdit={edit} onVersions={versions} />;
  const side = <Preview project={project} item={looked} set={state.set} onSet={state.setSet} near={near} mayChange={mayChange} />;
  const look = phone ? classes.alone : narrow ? classes.noTree : "";
  const empty = <Nothing state={state} />;
  return (
    <Dragging state={state}>
      {(onDrag) => (
        <div className={`${classes.page} ${look}`}>
          {!phone && !narrow && <aside className={classes.tree}>{tree}</aside>}
          <section className={classes.centre} aria-label="Library">
            <Tools state={state} input={input} compact={phone} small={phone || narrow} onTree={() => setDialog({ kind: "tree" })} onKeys={() => setDialog({ kind: "keys" })} onSave={mayChange ? save : undefined} />
            {ids.length > 0 && !phone && (
              <SelectionBar
                project={project} ids={ids} columns={state.names} groups={marks?.groups.map((group) => group.name) ?? []} tags={Object.keys(marks?.tags ?? {})}
                inTrash={state.inTrash} mayChange={mayChange} changes={changes} onRun={() => setDialog({ kind: "run" })} onParameters={() => setDialog({ kind: "parameters" })} clear={choice.clear}
              />
            )}
            {rows.error != null && <Fault error={rows.error} retry={rows.retry} />}
            {phone ? (
              rows.total === 0 ? empty : (
                <PhoneList choice={choice} choosing={choosing} onChoosing={() => mayChange && setChoosing(true)} rows={rows} columns={state.columns.data ?? []} bounds={state.bounds} changes={changes} onRange={state.onRange} onPick={(index) => {
                  choice.go(index);
                  setDialog({ kind: "item" });
                }} />
              )
            ) : gallery ? (
              rows.total === 0 ? empty : <Gallery project={project} rows={rows} choice={choice} changes={changes} columns={columns} onRange={state.onRange} onOpen={state.open} onPerRow={setPerRow} />
            ) : (
              <Table
                columns={columns} bounds={state.bounds} rows={rows} choice={choice} changes={changes} order={shown.order} limited={state.limited} group={shown.group}
                onSort={(name, add) => change({ order: sorted(shown.order, name, add) })} onRange={state.onRange} onOpen={state.open} onHover={setHovered} onDrag={mayChange ? onDrag : undefined}
                menu={(column: TableColumn, close) => (
                  <ColumnMenu
                    project={project} column={column} shown={shown} onHide={() => { close(); state.setNames(state.names.filter((name) => name !== column.name)); }}
                    onOrder={(order) => { close(); change({ order }); }} onConditions={(conditions) => { close(); change({ conditions }); }}
                  />
                )}
              >
                {rows.total === 0 ? empty : undefined}
              </Table>
            )}
            {rows.fresh > 0 && (
              <Button className={classes.fresh} size="compact-md" radius="xl" onClick={rows.show} aria-live="polite">
                {formatCount(rows.fresh)} new
              </Button>
            )}
            {phone && choosing && <PhoneBar ids={ids} filter={shown.filter} inTrash={state.inTrash} changes={changes} noFilter={noFilter} onDone={() => (choice.clear(), setChoosing(false))} />}
            <div className={classes.status} aria-live="polite">
              <span>{rows.total === undefined ? "Counting" : counted(rows.total, "image")}</span>
              {phone && mayChange && !choosing && (
                <Button size="compact-xs" variant="subtle" onClick={() => setChoosing(true)}>
                  Choose images
                </Button>
              )}
              {!phone && choice.cursor && <span>row {formatCount(choice.cursor.index + 1)}</span>}
              {!phone && choice.ids.size > 1 && <span>{formatCount(choice.ids.size)} chosen</span>}
            </div>
          </section>
          {!phone && <aside className={classes.side} aria-label="Image under the cursor">{side}</aside>}
          <Drawer opened={dialog?.kind === "tree"} onClose={() => setDialog(null)} size={260} title="Groups and filters" closeButtonProps={{ "aria-label": "Close" }}>
            {tree}
          </Drawer>
          <Drawer opened={dialog?.kind === "item"} onClose={() => setDialog(null)} position="bottom" size="88%" padding={0} closeButtonProps={{ "aria-label": "Close" }} title={<span style={{ paddingLeft: 12 }}>Image</span>}>
            {side}
          </Drawer>
        </div>
      )}
      {dialog?.kind === "keys" && <KeysHelp onClose={() => setDialog(null)} />}
      {dialog?.kind === "save" && <SaveFilter project={project} expression={joined(saved(state))} onClose={() => setDialog(null)} onSaved={(job) => change({ filter: job, side: "items", conditions: [] })} />}
      {dialog?.kind === "edit" && <SaveFilter project={project} expression="" job={dialog.filter} onClose={() => setDialog(null)} onSaved={(job) => change({ filter: job })} />}
      {dialog?.kind === "versions" && <FilterVersions project={project} job={dialog.filter} mayChange={mayChange} onClose={() => setDialog(null)} />}
      {dialog?.kind === "parameters" && <ItemParameters project={project} ids={ids} onClose={() => setDialog(null)} />}
      <AddJobDialog project={project} opened={dialog?.kind === "run"} onClose={() => setDialog(null)} selection={{ ids }} />
    </Dragging>
  );
}

/** What a filter made of this view keeps: the conditions, and group and flag where they are chosen. */
function saved({ shown }: LibraryState): string[] {
  const more = [];
  if (shown.group && shown.group !== "TRASH") more.push(`group == ${JSON.stringify(shown.group)}`);
  if (shown.flag) more.push(`flag == ${JSON.stringify(shown.flag)}`);
  return [...shown.conditions, ...more];
}

function Nothing({ state }: { state: LibraryState }) {
  const { shown, change } = state;
  const narrowed = shown.conditions.length > 0 || shown.flag || shown.tag || shown.filter !== null || shown.group;
  return narrowed ? (
    <Empty title="No image here" action={<Button variant="light" onClick={() => change({ conditions: [], flag: "", tag: "", filter: null, group: "" })}>Show all images</Button>}>
      Nothing meets what is asked for on the left and above.
    </Empty>
  ) : (
    <Empty title="No image yet">Images appear here as the import finds them. See Workflow for where it looks.</Empty>
  );
}

/** Numbers of the images three rows around the cursor. */
function useNear({ rows, choice }: LibraryState): number[] {
  const at = choice.cursor?.index;
  return useMemo(() => {
    if (at === undefined) return [];
    return [1, 2, 3, -1, -2, -3].flatMap((by) => rows.at(at + by)?.id ?? []);
  }, [at, rows.at]); // eslint-disable-line
}

const REST = 90;

/** A value that waits until keys rest, so that looking through quickly stays quick. */
function useResting<T>(value: T): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(value), REST);
    return () => window.clearTimeout(timer);
  }, [value]);
  return useDeferredValue(rested);
}

/** Columns are dragged to other places, chosen rows to groups. */
function Dragging({ state, children }: { state: LibraryState; children: [(onDrag: (event: PointerEvent) => void) => React.ReactNode, ...React.ReactNode[]] }) {
  const sensors = useSensors(useSensor(PointerSensor, { activationConstraint: { distance: 6 } }));
  const [dragged, setDragged] = useState(false);
  const [inside, ...others] = children;
  const end = ({ active, over }: DragEndEvent) => {
    setDragged(false);
    const [what, to] = [String(active.id), over ? String(over.id) : ""];
    if (what.startsWith("column ") && to.startsWith("column ")) {
      const [from, place] = [state.names.indexOf(what.slice(7)), state.names.indexOf(to.slice(7))];
      if (from !== place && from >= 0 && place >= 0) state.setNames(arrayMove(state.names, from, place));
    } else if (what === "rows" && to.startsWith("group ")) {
      const ids = state.choice.targets();
      void state.changes.many(ids, "group", to.slice(6)).then(state.choice.clear).catch((error: unknown) => showFault(asFault(error)));
    }
  };
  return (
    <DndContext sensors={sensors} collisionDetection={pointerWithin} onDragStart={({ active }) => setDragged(active.id === "rows")} onDragEnd={end} onDragCancel={() => setDragged(false)} autoScroll={false}>
      <Handle>{inside}</Handle>
      <DragOverlay dropAnimation={null} style={{ width: "max-content", height: "auto" }}>{dragged && <div className={classes.ghost}>{counted(state.choice.ids.size, "image")}</div>}</DragOverlay>
      {others}
    </DndContext>
  );
}

/** What is dragged is a point under the mouse, so that the ghost and the group that it is over are where the mouse is. */
function Handle({ children }: { children: (onDrag: (event: PointerEvent) => void) => React.ReactNode }) {
  const { listeners, setNodeRef } = useDraggable({ id: "rows" });
  const point = useRef<HTMLElement | null>(null);
  const now = useRef(listeners);
  now.current = listeners;
  const start = useCallback((event: PointerEvent) => {
    if (point.current) Object.assign(point.current.style, { left: `${event.clientX + 8}px`, top: `${event.clientY + 8}px` });
    now.current?.onPointerDown?.({ nativeEvent: event });
  }, []);
  const hold = useCallback(
    (node: HTMLElement | null) => {
      point.current = node;
      setNodeRef(node);
    },
    [setNodeRef],
  );
  return (
    <>
      <span ref={hold} aria-hidden style={{ position: "fixed", width: 1, height: 1, pointerEvents: "none" }} />
      {children(start)}
    </>
  );
}
