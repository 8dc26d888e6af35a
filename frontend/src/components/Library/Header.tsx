import { SortableContext, horizontalListSortingStrategy, useSortable } from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import { ActionIcon, Popover } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { headOf, labelOf, unitOf, type TableColumn } from "./columns";
import classes from "./Library.module.css";
import type { Sort } from "./query";

export interface HeadCell {
  column: TableColumn;
  onResize: (event: unknown) => void;
}

/** The names of the columns: click sorts, drag moves or widens, the button opens the column's figures. */
export function Header({ cells, order, limited, onSort, menu, onWider }: {
  cells: HeadCell[];
  order: Sort[];
  /** Columns with a limit in the filter bar. */
  limited: Set<string>;
  onSort: (name: string, add: boolean) => void;
  menu: (column: TableColumn, close: () => void) => ReactNode;
  onWider: (name: string, by: number) => void;
}) {
  return (
    <div className={classes.head} role="row" aria-rowindex={1}>
      <div role="columnheader" aria-label="Flag and verdict" />
      <SortableContext items={cells.map(({ column }) => `column ${column.name}`)} strategy={horizontalListSortingStrategy}>
        {cells.map(({ column, onResize }) => (
          <Name
            key={column.name}
            column={column}
            sort={order.find((entry) => entry.name === column.name)}
            place={order.length > 1 ? order.findIndex((entry) => entry.name === column.name) + 1 : 0}
            limited={limited.has(column.name)}
            onSort={onSort}
            onResize={onResize}
            onWider={onWider}
            menu={menu}
          />
        ))}
      </SortableContext>
    </div>
  );
}

function Name({ column, sort, place, limited, onSort, onResize, onWider, menu }: {
  column: TableColumn;
  sort: Sort | undefined;
  place: number;
  limited: boolean;
  onSort: (name: string, add: boolean) => void;
  onResize: (event: unknown) => void;
  onWider: (name: string, by: number) => void;
  menu: (column: TableColumn, close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const { attributes, listeners, setNodeRef, transform, transition, isDragging } = useSortable({ id: `column ${column.name}` });
  const unit = unitOf(column);
  const Arrow = sort?.direction === "desc" ? IconArrowDown : IconArrowUp;
  const moving = transform ? { ...transform, scaleX: 1, scaleY: 1 } : null;
  return (
    <div
      ref={setNodeRef}
      className={classes.headCell}
      role="columnheader"
      aria-sort={sort ? (sort.direction === "asc" ? "ascending" : "descending") : "none"}
      style={{ transform: CSS.Transform.toString(moving), transition, zIndex: isDragging ? 5 : undefined, opacity: isDragging ? 0.7 : undefined }}
    >
      <button
        type="button"
        className={classes.headName}
        title={`${labelOf(column.name)}: ${column.meaning}${unit ? ` (${unit})` : ""}\nClick sorts, Shift and click sorts by this too, drag moves, Alt and arrow keys widen`}
        {...attributes}
        {...listeners}
        role={undefined}
        aria-roledescription={undefined}
        aria-label={`Sort by ${labelOf(column.name)}`}
        onClick={(event) => onSort(column.name, event.shiftKey)}
        onKeyDown={(event) => {
          if (event.altKey && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
            event.preventDefault();
            event.stopPropagation();
            onWider(column.name, event.key === "ArrowRight" ? 16 : -16);
          }
        }}
      >
        <span className={classes.headText}>
          {sort && <Arrow size={12} style={{ verticalAlign: "-2px" }} aria-hidden />}
          {sort && place > 0 && <sup>{place}</sup>}
          {headOf(column.name)}
        </span>
        <span className={classes.headUnit}>{unit ?? "\u00a0"}</span>
      </button>
      <Popover opened={open} onChange={setOpen} width={320} position="bottom" withArrow trapFocus shadow="md">
        <Popover.Target>
          <ActionIcon
            variant={limited ? "light" : "subtle"}
            color={limited ? undefined : "gray"}
            size={20}
            aria-label={`Limits of ${labelOf(column.name)}`}
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            <IconAdjustmentsHorizontal size={13} />
          </ActionIcon>
        </Popover.Target>
        <Popover.Dropdown p="sm">{open && menu(column, () => setOpen(false))}</Popover.Dropdown>
      </Popover>
      <span className={classes.resize} onMouseDown={onResize} onTouchStart={onResize} aria-hidden />
    </div>
  );
}
