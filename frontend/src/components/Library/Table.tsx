import { columnOrderingFeature, columnResizingFeature, columnSizingFeature, tableFeatures, useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { labelOf, readWidths, keepWidths, roomOf, type TableColumn } from "./columns";
import type { Bounds } from "./conditions";
import type { Changes } from "./changes";
import { Header } from "./Header";
import classes from "./Library.module.css";
import { verdictNow } from "./Marks";
import type { Item, Rows } from "./pages";
import type { Sort } from "./query";
import { Row, type Cell } from "./Row";
import type { Choice } from "./selection";
import { usePick } from "./usePick";

const HEAD = 40;
export const ROW = 28;
const MARKS = 60;
const features = tableFeatures({ columnOrderingFeature, columnSizingFeature, columnResizingFeature });
const NO_ROWS: never[] = [];

interface Given {
  columns: TableColumn[];
  bounds: Record<string, Bounds>;
  rows: Rows;
  choice: Choice;
  changes: Changes;
  order: Sort[];
  limited: Set<string>;
  group: string;
  onSort: (name: string, add: boolean) => void;
  onRange: (range: [number, number], top: boolean) => void;
  onOpen: (id: number) => void;
  onHover: (id: number | null) => void;
  onDrag: ((event: PointerEvent) => void) | undefined;
  menu: (column: TableColumn, close: () => void) => ReactNode;
  /** What to show in place of rows. */
  children?: ReactNode;
}

/** The table of exposures: only rows in sight are drawn. */
export function Table(given: Given) {
  const { columns, bounds, rows, choice, changes, order, limited, group, onSort, onRange, onOpen, onHover, onDrag, menu, children } = given;
  const scroll = useRef<HTMLDivElement>(null);
  const [columnSizing, setSizing] = useState<Record<string, number>>(readWidths);
  useEffect(() => keepWidths(columnSizing), [columnSizing]);
  const definitions = useMemo(
    () => columns.map((column) => ({ id: column.name, header: labelOf(column.name), size: roomOf(column), minSize: 56, maxSize: 800, meta: column })),
    [columns],
  );
  const columnOrder = useMemo(() => columns.map((column) => column.name), [columns]);
  const table = useTable({
    features, data: NO_ROWS, columns: definitions, state: { columnSizing, columnOrder }, onColumnSizingChange: setSizing, columnResizeMode: "onChange",
  });
  const headers = table.getHeaderGroups()[0]?.headers ?? [];
  const known = new Map(columns.map((column) => [column.name, column]));
  const template = [`${MARKS}px`, ...headers.map((header) => `${header.getSize()}px`)].join(" ");
  const total = rows.total ?? 40;
  const virtual = useVirtualizer({
    count: total, getScrollElement: () => scroll.current, estimateSize: () => ROW, overscan: 14, scrollMargin: HEAD, scrollPaddingStart: HEAD,
  });
  const lines = virtual.getVirtualItems();
  const [first, last] = [lines[0]?.index ?? 0, lines.at(-1)?.index ?? 0];
  const top = (virtual.scrollOffset ?? 0) < ROW;
  useEffect(() => onRange([first, last], top), [first, last, top, onRange]);
  const at = choice.cursor?.index;
  useEffect(() => {
    if (at !== undefined) virtual.scrollToIndex(at, { align: "auto" });
  }, [at]); // eslint-disable-line
  const pick = usePick({ scroll, head: HEAD, row: ROW, total, choice, rows, onOpen, onHover, onDrag });
  const cells = useMemo<Cell[]>(
    () => columns.map((column) => ({ column, place: rows.place(column.name), bounds: bounds[column.name] })),
    [bounds, columns, rows.place], // eslint-disable-line
  );
  const flagAt = rows.place("flag");
  const groupAt = rows.place("group_name");
  const look = (item: Item | undefined) => (item ? changes.patch(item.id) : undefined);
  return (
    <div
      ref={scroll}
      className={classes.scroll}
      role="grid"
      tabIndex={0}
      aria-label="Images"
      aria-rowcount={(rows.total ?? 0) + 1}
      aria-multiselectable
      aria-activedescendant={at === undefined ? undefined : `library-row-${at}`}
      style={{ ["--columns" as string]: template }}
      data-loaded={rows.total !== undefined && !rows.loading}
      {...pick}
    >
      <Header
        cells={headers.map((header) => ({ column: known.get(header.column.id)!, onResize: header.getResizeHandler() }))}
        order={order}
        limited={limited}
        onSort={onSort}
        menu={menu}
        onWider={(name, by) => setSizing((now) => ({ ...now, [name]: Math.max(56, (now[name] ?? roomOf(known.get(name)!)) + by) }))}
      />
      {children ?? (
        <div className={classes.body} style={{ height: virtual.getTotalSize() }} role="rowgroup">
          {lines.map(({ index, start }) => {
            const own = rows.at(index);
            const item = own ?? rows.past(index);
            const patch = look(own);
            const to = patch?.group;
            return (
              <Row
                key={index}
                index={index}
                top={start - HEAD}
                values={item?.values}
                cells={cells}
                flag={patch?.flag ?? (item ? (item.values[flagAt] as string | null) : null)}
                verdict={item ? verdictNow(item.verdict, patch?.verdict) : null}
                chosen={own !== undefined && choice.has(index, own.id)}
                current={at === index}
                past={own === undefined && item !== undefined}
                leaving={to !== undefined && (to === "RESTORE" ? group === "TRASH" : to !== String(item?.values[groupAt]))}
              />
            );
          })}
        </div>
      )}
    </div>
  );
}
