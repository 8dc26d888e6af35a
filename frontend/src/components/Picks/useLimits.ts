/** Thresholds that are looked at: in the address, else those of the selection. */
import { useDebouncedValue } from "@mantine/hooks";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useUrlState } from "@/hooks/useUrlState";
import { asLimits, limitsText, readLimits, sameLimits, type Limits } from "./picks";

export function useLimits(set: Partial<Limits> | null | undefined) {
  const [text, setText] = useUrlState("limits");
  const start = useMemo(() => asLimits(set), [set]);
  const [own, setOwn] = useState<Limits | null>(() => readLimits(text));
  const limits = own ?? start;
  const [settled] = useDebouncedValue(limits, 90);
  // The address follows a moment later: sliders would write it at each step.
  const [late] = useDebouncedValue(own, 400);
  useEffect(() => {
    setText(limitsText(late));
  }, [late, setText]);
  const change = useCallback((some: Partial<Limits>) => setOwn((before) => ({ ...(before ?? start), ...some })), [start]);
  return { limits, settled, change, reset: () => setOwn(null), differ: own !== null && !sameLimits(own, start) };
}
