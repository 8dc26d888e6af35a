import { Kbd, Modal, Table, Text } from "@mantine/core";

const KEYS: [string[], string][] = [
  [["↑", "↓", "j", "k"], "move; with Shift choose on the way"],
  [["PageUp", "PageDown", "Home", "End"], "move far"],
  [["Space"], "keep or reject by hand in the chosen filter, and go on"],
  [["a", "x", "c"], "keep, reject, leave to the filter, and go on"],
  [["1", "2", "3", "4", "5"], "flag red, green, blue, gold, none"],
  [["t", "r"], "to TRASH, restore"],
  [["u"], "undo"],
  [["f"], "FFT in the viewer"],
  [["Enter"], "the whole image; Esc comes back"],
  [["/"], "type a condition"],
  [["Ctrl A", "Esc"], "choose all, choose nothing"],
  [["g"], "table or gallery"],
  [["?"], "these keys"],
];

/** The keys of the library. */
export function KeysHelp({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={<Text fw={600}>Keys</Text>} closeButtonProps={{ "aria-label": "Close" }}>
      <Table withRowBorders={false} verticalSpacing={4}>
        <Table.Tbody>
          {KEYS.map(([keys, what]) => (
            <Table.Tr key={what}>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {keys.map((key) => (
                  <Kbd key={key} size="xs" mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
