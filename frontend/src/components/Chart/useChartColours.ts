/** The colours of charts as the style sheet has them, for drawing on a canvas. */
import { useComputedColorScheme } from "@mantine/core";
import { useMemo } from "react";
import "./chart.css";

const NAMES = ["ink", "quiet", "grid", "bar", "band", "mild", "severe", "select", "point", "alarm"] as const;

export type ChartColours = Record<(typeof NAMES)[number], string>;

export function useChartColours(): ChartColours {
  const scheme = useComputedColorScheme("light");
  return useMemo(() => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--chart-${name}`).trim() || "#7f7f7f"])) as ChartColours;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the scheme changes what the style sheet says
  }, [scheme]);
}
