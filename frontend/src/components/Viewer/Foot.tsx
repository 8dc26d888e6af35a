import { lengthText } from "@/components/Image/scale";
import { formatNumber, UNKNOWN } from "@/components/format";
import { resolutionText } from "./FourierPane";
import type { Size } from "./camera";
import classes from "./Viewer.module.css";

interface Given {
  image: Size | null;
  point: [number, number] | null;
  value: number | null;
  pixel: number | null;
  fourier: { x: number; y: number; size: number } | null;
  zoom: number | null;
  blurred: boolean;
  loading: boolean;
}

/** What is under the cursor, in the image or in the spectrum. */
export function Foot({ image, point, value, pixel, fourier, zoom, blurred, loading }: Given) {
  const inside = image && point && point[0] >= 0 && point[1] >= 0 && point[0] < image.width && point[1] < image.height;
  const [x, y] = inside ? [Math.floor(point[0]), Math.floor(point[1])] : [null, null];
  return (
    <div className={classes.foot} style={{ border: 0 }} aria-label="Under the cursor">
      {fourier ? (
        <span>{resolutionText(fourier, pixel)}</span>
      ) : (
        <>
          <span style={{ minWidth: 120 }}>
            x {x ?? UNKNOWN}, y {y ?? UNKNOWN} px
          </span>
          <span style={{ minWidth: 120 }}>{inside && pixel ? `${lengthText(point[0] * pixel)}, ${lengthText(point[1] * pixel)}` : UNKNOWN}</span>
          <span style={{ minWidth: 90 }}>value {blurred ? "not told" : value === null ? UNKNOWN : Number(value.toPrecision(6))}</span>
        </>
      )}
      <span style={{ flex: 1 }} />
      {loading && <span className={classes.pulse}>loading</span>}
      <span className={classes.quiet}>{zoom ? `${formatNumber(100 * zoom * (window.devicePixelRatio || 1), 0)} %` : UNKNOWN}</span>
      <span className={classes.quiet}>
        {image ? `${image.width} × ${image.height} px` : UNKNOWN}
        {pixel ? `, ${formatNumber(pixel, 3)} Å/px` : ""}
      </span>
    </div>
  );
}
