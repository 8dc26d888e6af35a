import { useEffect, useRef } from "react";

/** Keys of the whole page → what they do; not while text is typed, nor with Ctrl, Alt or Meta. */
export function useKeys(keys: Record<string, () => void>): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
      const target = event.target as HTMLElement;
      const typed = target.matches?.("input:not([type=checkbox]), select, textarea, [contenteditable]");
      if (typed && event.key !== "Escape") return;
      // A button that has the focus keeps Enter and Space.
      if ((event.key === "Enter" || event.key === " ") && target.matches?.("button, a, input")) return;
      const action = now.current[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
}
