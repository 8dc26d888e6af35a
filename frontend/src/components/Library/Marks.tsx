import { IconFilter, IconFilterOff, IconFlagFilled, IconHandStop, IconThumbUp } from "@tabler/icons-react";
import { FLAG_COLOURS } from "@/theme";

const LETTERS: Record<string, string> = { red: "R", green: "G", blue: "B", gold: "Y" };

/** Flag as icon, colour and letter. */
export function FlagMark({ flag }: { flag: string }) {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 1 }} title={`flag: ${flag}`} role="img" aria-label={`flagged ${flag}`}>
      <IconFlagFilled size={13} color={FLAG_COLOURS[flag]} aria-hidden />
      <span aria-hidden>{LETTERS[flag] ?? ""}</span>
    </span>
  );
}

/** What the chosen filter says: a hand where a person decided, a funnel where the expression did. */
export const VERDICTS: Record<string, { title: string; passes: boolean | null }> = {
  kept: { title: "kept by hand", passes: true },
  refused: { title: "rejected by hand", passes: false },
  in: { title: "passes the filter", passes: true },
  out: { title: "does not pass the filter", passes: false },
  unknown: { title: "a value is unknown, so it does not pass", passes: false },
};

const GOOD = "var(--mantine-color-teal-text)";
const BAD = "var(--mantine-color-red-text)";

export function VerdictMark({ verdict }: { verdict: string }) {
  const told = VERDICTS[verdict];
  if (!told) return null;
  const colour = verdict === "unknown" ? "var(--mantine-color-dimmed)" : told.passes ? GOOD : BAD;
  const Icon = { kept: IconThumbUp, refused: IconHandStop, in: IconFilter, out: IconFilterOff, unknown: IconFilterOff }[verdict]!;
  return (
    <span style={{ display: "inline-flex", color: colour }} title={told.title} role="img" aria-label={told.title}>
      <Icon size={15} aria-hidden />
    </span>
  );
}

/** The verdict with what has just been decided on the screen. */
export function verdictNow(verdict: string | null, patched: string | undefined): string | null {
  if (patched === "keep") return "kept";
  if (patched === "reject") return "refused";
  if (patched === "none") return verdict === "kept" || verdict === "refused" ? "unknown" : verdict;
  return verdict;
}
