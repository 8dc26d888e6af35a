import { ActionIcon, Button, Kbd, Modal, NativeSelect, Slider, Table, Text, Tooltip } from "@mantine/core";
import { IconKeyboard } from "@tabler/icons-react";
import { counted, formatCount, formatNumber } from "@/components/format";
import { keptOf, SIZES, SORTS, suggestedAt, type ClassAverage } from "./classes";
import classes from "./Classes.module.css";
import type { Chosen } from "./useChosen";

interface ToolbarProps {
  sort: string;
  onSort: (sort: string) => void;
  size: number;
  onSize: (size: number) => void;
  all: readonly ClassAverage[];
  threshold: number;
  onThreshold: (threshold: number) => void;
  onSuggest: () => void;
}

/** How averages are sorted and how large they are; the suggestion by quality, and at once what it keeps. */
export function Toolbar({ sort, onSort, size, onSize, all, threshold, onThreshold, onSuggest }: ToolbarProps) {
  const kept = keptOf(all, new Set(suggestedAt(all, threshold)));
  return (
    <div className={classes.tools} role="toolbar" aria-label="How classes are shown">
      <label className={classes.tool}>
        Sort by
        <NativeSelect size="xs" value={sort in SORTS ? sort : "rank"} onChange={(event) => onSort(event.currentTarget.value)} data={Object.entries(SORTS).map(([value, { label }]) => ({ value, label }))} />
      </label>
      <div className={classes.tool}>
        <span id="size-of-averages">Size</span>
        <Slider
          w={96}
          size="sm"
          min={0}
          max={SIZES.length - 1}
          label={(place) => `${SIZES[place]} px`}
          value={Math.max(0, SIZES.findIndex((known) => known >= size))}
          onChange={(place) => onSize(SIZES[place]!)}
          thumbLabel="Size of the averages"
        />
      </div>
      <div className={classes.tool} style={{ flexWrap: "wrap" }}>
        <span>Quality from</span>
        <Slider w={130} size="sm" min={0} max={1} step={0.01} label={(value) => value.toFixed(2)} value={threshold} onChange={onThreshold} thumbLabel="Quality from which classes are suggested" />
        <b style={{ width: 32 }}>{threshold.toFixed(2)}</b>
        <span className={classes.quiet} role="status" style={{ minWidth: 190 }}>
          keeps {kept.classes} of {counted(all.length, "class", "classes")}, {formatCount(kept.particles)} particles{kept.part === null ? "" : ` (${formatNumber(100 * kept.part, 0)} %)`}
        </span>
        <Button size="compact-sm" variant="light" onClick={onSuggest}>Choose these</Button>
      </div>
    </div>
  );
}

/** What is chosen, in words, with the keys as buttons. */
export function ChoiceBar({ all, state, threshold, onHelp, children }: { all: readonly ClassAverage[]; state: Chosen; threshold: number; onHelp: () => void; children?: React.ReactNode }) {
  const { chosen, choose } = state;
  const kept = keptOf(all, chosen);
  const buttons: [string, string, () => void][] = [
    ["All", "a", () => choose(all.map((one) => one.number))],
    ["None", "n", () => choose([])],
    ["Invert", "i", () => choose(all.filter((one) => !chosen.has(one.number)).map((one) => one.number))],
    ["Suggested", "s", () => choose(suggestedAt(all, threshold))],
  ];
  return (
    <div className={classes.bar}>
      <span role="status">
        <b>{kept.classes}</b> of {counted(all.length, "class", "classes")} chosen: <b>{formatCount(kept.particles)}</b> particles{kept.part === null ? "" : ` (${formatNumber(100 * kept.part, 1)} %)`}
      </span>
      {children}
      <span className={classes.grow} />
      {buttons.map(([label, key, act]) => (
        <Tooltip key={label} label={<>Key <Kbd size="xs">{key}</Kbd></>}>
          <Button size="compact-sm" variant="default" onClick={act}>{label}</Button>
        </Tooltip>
      ))}
      <Tooltip label="Keys">
        <ActionIcon variant="subtle" aria-label="Keys" onClick={onHelp}><IconKeyboard size={18} /></ActionIcon>
      </Tooltip>
    </div>
  );
}

const KEYS: [string[], string][] = [
  [["←", "→", "↑", "↓"], "move; with Shift choose on the way"],
  [["Home", "End"], "the first, the last"],
  [["Space"], "choose or leave out"],
  [["Enter"], "curves, particles and images of the class; Esc closes"],
  [["a", "n", "i"], "choose all, none, the others"],
  [["s"], "choose those above the threshold"],
  [["?"], "these keys"],
];

export function KeysHelp({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={<Text fw={600}>Keys</Text>} closeButtonProps={{ "aria-label": "Close" }}>
      <Table withRowBorders={false} verticalSpacing={4}>
        <Table.Tbody>
          {KEYS.map(([keys, what]) => (
            <Table.Tr key={what}>
              <Table.Td style={{ whiteSpace: "nowrap" }}>{keys.map((key) => <Kbd key={key} size="xs" mr={4}>{key}</Kbd>)}</Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm" c="dimmed" mt="xs">A click chooses, with Shift a range; a double click opens a class.</Text>
    </Modal>
  );
}
