import { ActionIcon, Button, Menu, SegmentedControl, Tooltip } from "@mantine/core";
import { IconDownload, IconFolders, IconKeyboard, IconLayoutGrid, IconTable } from "@tabler/icons-react";
import type { RefObject } from "react";
import { ColumnChooser } from "./ColumnChooser";
import { FilterBar } from "./FilterBar";
import classes from "./Library.module.css";
import { itemQuery, orderText } from "./query";
import type { LibraryState } from "./useLibrary";

const NONE: never[] = [];

/** Conditions, columns, table or gallery, export, keys. */
export function Tools({ state, input, compact, small, onTree, onKeys, onSave }: {
  state: LibraryState;
  input: RefObject<HTMLInputElement | null>;
  compact: boolean;
  small: boolean;
  onTree: () => void;
  onKeys: () => void;
  onSave: (() => void) | undefined;
}) {
  const { project, shown, change, columns, names, setNames, reset, view, setView } = state;
  return (
    <div className={classes.tools}>
      {small && (
        <Button size="compact-md" variant="default" leftSection={<IconFolders size={15} />} onClick={onTree}>
          {shown.group || "Groups"}
        </Button>
      )}
      <FilterBar project={project} shown={shown} columns={columns.data ?? NONE} change={change} input={input} onSave={onSave} />
      {!compact && (
        <>
          <ColumnChooser all={columns.data ?? NONE} names={names} onNames={setNames} onReset={reset} />
          <SegmentedControl
            size="xs"
            aria-label="Table or gallery"
            value={view}
            onChange={setView}
            data={[
              { value: "table", label: <IconTable size={15} aria-label="Table" style={{ display: "block" }} /> },
              { value: "gallery", label: <IconLayoutGrid size={15} aria-label="Gallery" style={{ display: "block" }} /> },
            ]}
          />
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" aria-label="Export the table">
                <IconDownload size={17} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item component="a" href={csvUrl(project, state, names)} download>
                All rows and shown columns as CSV
              </Menu.Item>
              <Menu.Item component="a" href={csvUrl(project, state, ["name"])} download>
                All names as CSV
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
          <Tooltip label="Keys (?)">
            <ActionIcon variant="subtle" color="gray" aria-label="Keys" onClick={onKeys}>
              <IconKeyboard size={18} />
            </ActionIcon>
          </Tooltip>
        </>
      )}
    </div>
  );
}

function csvUrl(project: string, { shown }: LibraryState, names: string[]): string {
  const given = new URLSearchParams({ columns: names.join(",") });
  for (const [name, value] of Object.entries(itemQuery(shown))) given.set(name, String(value));
  if (shown.order.length) given.set("order", orderText(shown.order));
  return `/api/projects/${encodeURIComponent(project)}/items.csv?${given.toString()}`;
}
