/**
 * The contrast transfer function, as the program computes it: ctf = -sin γ,
 * γ(s) = ½π C_s λ³ s⁴ - π λ Δf(α) s² - φ_plate - asin(Q), with Δf(α) = ½ [U + V + (U - V) cos 2(α - α₀)].
 * Rohou and Grigorieff 2015, J. Struct. Biol. 192:216, equations 2 to 4.
 */

export interface Optics {
  /** kV */
  voltage: number;
  /** mm */
  sphericalAberration: number;
  /** 0..1 */
  amplitudeContrast: number;
}

export interface Defocus {
  /** Å, underfocus positive. */
  u: number;
  v: number;
  /** degrees from +x to the U axis, counter-clockwise. */
  angle: number;
  /** degrees */
  phaseShift: number;
}

/** Relativistic wavelength in Å for kV. */
export function wavelength(voltage: number): number {
  const volts = 1000 * voltage;
  return 12.2643247 / Math.sqrt(volts * (1 + 0.978466e-6 * volts));
}

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Defocus in Å along a direction in degrees from +x, counter-clockwise. */
export function defocusAlong(defocus: Defocus, direction: number): number {
  const { u, v, angle } = defocus;
  return 0.5 * (u + v + (u - v) * Math.cos(2 * radians(direction - angle)));
}

interface Phase {
  linear: number;
  quadratic: number;
  constant: number;
}

/** -γ = linear s² - quadratic s⁴ + constant, along one direction or at the mean defocus. */
function phaseOf(optics: Optics, defocus: Defocus, direction: number | null): Phase {
  const lambda = wavelength(optics.voltage);
  const along = direction === null ? 0.5 * (defocus.u + defocus.v) : defocusAlong(defocus, direction);
  return {
    linear: Math.PI * lambda * along,
    quadratic: 0.5 * Math.PI * optics.sphericalAberration * 1e7 * lambda ** 3,
    constant: radians(defocus.phaseShift) + Math.asin(optics.amplitudeContrast),
  };
}

/** The contrast transfer function at a frequency in 1/Å. */
export function ctfAt(s: number, optics: Optics, defocus: Defocus, direction: number | null = null): number {
  const { linear, quadratic, constant } = phaseOf(optics, defocus, direction);
  return Math.sin(linear * s * s - quadratic * s ** 4 + constant);
}

/** Its zeros along a direction (at the mean defocus: null), in 1/Å, ascending, up to a frequency. */
export function zeros(optics: Optics, defocus: Defocus, most: number, direction: number | null = null): number[] {
  return ordered(optics, defocus, most, direction).map((zero) => zero.s);
}

/** Zeros with the order n of -γ = nπ, by which zeros of different directions belong to one ring. */
export function ordered(optics: Optics, defocus: Defocus, most: number, direction: number | null): { n: number; root: number; s: number }[] {
  const { linear, quadratic, constant } = phaseOf(optics, defocus, direction);
  const limit = most * most;
  const turn = quadratic > 0 ? linear / (2 * quadratic) : -1;
  const ends = [0, limit, ...(turn > 0 && turn < limit ? [turn] : [])].map((t) => linear * t - quadratic * t * t + constant);
  const found: { n: number; root: number; s: number }[] = [];
  for (let n = Math.ceil(Math.min(...ends) / Math.PI); n <= Math.floor(Math.max(...ends) / Math.PI); n++) {
    roots(quadratic, linear, n * Math.PI - constant).forEach((t, root) => {
      if (t > 1e-12 && t <= limit) found.push({ n, root, s: Math.sqrt(t) });
    });
  }
  return found.sort((a, b) => a.s - b.s);
}

/** Roots t of linear t - quadratic t² = value, in the form that does not cancel for small `quadratic`. */
function roots(quadratic: number, linear: number, value: number): number[] {
  const inside = linear * linear - 4 * quadratic * value;
  if (inside < 0) return [];
  const root = Math.sqrt(inside) * (linear < 0 ? -1 : 1);
  const first = (2 * value) / (linear + root);
  return quadratic === 0 ? [first] : [first, (linear + root) / (2 * quadratic)];
}

/** Rings of zeros as closed lines of frequencies (fx, fy) in 1/Å; rings of another root at one order are apart. */
export function rings(optics: Optics, defocus: Defocus, most: number, steps = 120): [number, number][][] {
  const lines = new Map<string, [number, number][]>();
  for (let step = 0; step <= steps; step++) {
    const direction = (360 * step) / steps;
    for (const { n, root, s } of ordered(optics, defocus, most, direction)) {
      const key = `${n} ${root}`;
      const point: [number, number] = [s * Math.cos(radians(direction)), s * Math.sin(radians(direction))];
      const line = lines.get(key);
      if (line) line.push(point);
      else lines.set(key, [point]);
    }
  }
  return [...lines.values()].filter((line) => line.length > steps * 0.98);
}
