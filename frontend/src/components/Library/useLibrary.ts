/** Everything that the page of the library knows: what is shown, its rows, what is chosen, what was changed. */
import { useDebouncedCallback, useMediaQuery } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { asFault, client, need } from "@/client/client";
import { useProjectState } from "@/client/live";
import { showFault } from "@/components/Fault/Fault";
import { viewerUrl, type SetName } from "@/components/Image/views";
import { tell } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { useUrlState } from "@/hooks/useUrlState";
import { useChanges } from "./changes";
import { useShownColumns, useTableColumns } from "./columns";
import { readLimits } from "./conditions";
import { useBounds } from "./limits";
import { useRows } from "./pages";
import { PHONE_COLUMNS } from "./PhoneList";
import { itemQuery, orderText, useShown, type Shown } from "./query";
import { UNKNOWN_ID, useChoice, type Cursor } from "./selection";

const USUAL_SET: Record<string, SetName> = { drift: "image", "single-particle": "drift" };

export function useLibrary(project: string) {
  const phone = useMediaQuery("(max-width: 640px)", undefined, { getInitialValueInEffect: false }) ?? false;
  const narrow = useMediaQuery("(max-width: 1100px)", undefined, { getInitialValueInEffect: false }) ?? false;
  const { shown, change } = useShown();
  const mode = useProjectState(project)?.mode;
  const columns = useTableColumns(project);
  const { known, names, wanted, setNames, reset } = useShownColumns(mode, columns.data);
  const [view, setView] = useUrlState("view", "table");
  const [set, setSet] = useUrlState("set");
  const [range, setRange] = useState<[number, number]>([0, 40]);
  const [top, setTop] = useState(true);
  const busy = useRef(false);
  const asked = useMemo(() => (phone ? [...new Set([...wanted, ...PHONE_COLUMNS])] : wanted), [phone, wanted]);
  const rows = useRows(project, shown, asked, range, (!top || busy.current) && shown.order.length > 0);
  const choice = useChoice(project, shown, rows);
  busy.current = choice.cursor !== null || choice.ids.size > 0;
  const changes = useChanges(project);
  const onRange = useCallback((next: [number, number], atTop: boolean) => {
    setRange((before) => (before[0] === next[0] && before[1] === next[1] ? before : next));
    setTop(atTop);
  }, []);
  useFollowCursor(rows, choice, shown);
  useCursorInUrl(project, shown, choice, rows);
  const filters = useQuery({
    queryKey: ["p", project, "filters"],
    placeholderData: keepPreviousData,
    queryFn: () => need(client.GET("/api/projects/{project}/filters", { params: { path: { project } } })),
  });
  const navigate = useNavigate();
  const open = useCallback((id: number, fft = false) => void navigate(viewerUrl(project, id, fft ? "fft_after" : "after")), [navigate, project]);
  const limited = useMemo(() => new Set(shown.conditions.flatMap((entry) => readLimits(entry)?.column ?? [])), [shown.conditions]);
  return {
    project, phone, narrow, shown, change, columns, known, names, setNames, reset, view, setView, rows, choice, changes, onRange, open, limited, range,
    set: (set || USUAL_SET[mode ?? ""] || "drift") as SetName,
    setSet,
    bounds: useBounds(project),
    filters: filters.data ?? NO_FILTERS,
    mayChange: useMayChange(project),
    inTrash: shown.group === "TRASH",
  };
}

const NO_FILTERS: never[] = [];
export type LibraryState = ReturnType<typeof useLibrary>;

/** Keep the cursor on its item when rows come and go; begin anew when something else is shown. */
function useFollowCursor(rows: ReturnType<typeof useRows>, choice: ReturnType<typeof useChoice>, shown: object): void {
  const { cursor, setCursor, clear } = choice;
  const before = useRef(shown);
  useEffect(() => {
    if (before.current === shown) return;
    before.current = shown;
    clear();
    setCursor(null);
  }, [clear, setCursor, shown]);
  useEffect(() => {
    if (!cursor || before.current !== shown) return;
    const here = rows.at(cursor.index);
    if (!here || here.id === cursor.id) return;
    const moved = rows.indexOf(cursor.id);
    setCursor(moved >= 0 ? { index: moved, id: cursor.id } : { index: cursor.index, id: here.id });
  }, [cursor, rows, setCursor, shown]);
}

/** The row of the cursor in the address, so that Back from the viewer comes to it. */
function useCursorInUrl(project: string, shown: Shown, choice: ReturnType<typeof useChoice>, rows: ReturnType<typeof useRows>): void {
  const [text, setText] = useUrlState("row");
  const put = useDebouncedCallback(setText, 400);
  const started = useRef(false);
  const { cursor, setCursor } = choice;
  useEffect(() => {
    if (started.current || rows.total === undefined) return;
    started.current = true;
    const index = Number(text);
    if (text && index < rows.total) setCursor({ index, id: rows.at(index)?.id ?? UNKNOWN_ID });
  }, [rows, setCursor, text]);
  useEffect(() => {
    if (started.current && cursor) put(String(cursor.index));
  }, [cursor, project, put]);
  useLinkedItem(project, shown, rows.total !== undefined, setCursor);
}

/** `?item=ID`: the cursor goes to that image, which other pages link to; where it is not shown, that is said. */
function useLinkedItem(project: string, shown: Shown, ready: boolean, setCursor: (cursor: Cursor) => void): void {
  const [item, setItem] = useUrlState("item");
  const now = useRef({ shown, setCursor, setItem });
  now.current = { shown, setCursor, setItem };
  useEffect(() => {
    const id = Number(item);
    if (!ready || !item || !Number.isInteger(id)) return; // the table scrolls only to rows that it knows of
    let gone = false;
    const query = { ...itemQuery(now.current.shown), order: orderText(now.current.shown.order) || undefined, item: id };
    need(client.GET("/api/projects/{project}/items/place", { params: { path: { project }, query } }))
      .then(({ row }) => {
        if (gone) return;
        if (row === null) tell(`Image #${item} is not among those shown; it may be in TRASH`);
        else now.current.setCursor({ index: row, id });
        now.current.setItem("");
      })
      .catch((error: unknown) => showFault(asFault(error)));
    return () => void (gone = true);
  }, [item, project, ready]);
}
