import { useLayoutEffect, useRef, useState } from "react";
import type { Size } from "./camera";

/** The size of an element in CSS px, kept up to date. */
export function useScreen<T extends HTMLElement>() {
  const ref = useRef<T>(null);
  const [screen, setScreen] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setScreen({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, screen };
}
