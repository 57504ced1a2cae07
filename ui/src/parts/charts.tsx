// Own SVG charts: lines over windows or steps, paired bars of two distributions, calibration, sparklines. Gaps stay gaps; every chart has
// a table twin for screen readers and a tooltip with the numbers.
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { binName, num, percent } from '../format';
import type { Bin } from '../types';

export function useWidth(fallback = 640): [React.RefObject<HTMLDivElement | null>, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(fallback);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(220, element.clientWidth)));
    setWidth(Math.max(220, element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** A tooltip near the pointer, kept inside the window. */
export function Tip({ at, children }: { at: { x: number; y: number } | null; children: ReactNode }) {
  if (!at) return null;
  const right = at.x > window.innerWidth - 360;
  const low = at.y > window.innerHeight - 200;
  return (
    <div
      className="tip"
      style={{
        left: right ? undefined : at.x + 14,
        right: right ? window.innerWidth - at.x + 14 : undefined,
        top: low ? undefined : at.y + 14,
        bottom: low ? window.innerHeight - at.y + 10 : undefined,
      }}
    >
      {children}
    </div>
  );
}

/** Tick values at 1, 2, 5 × 10ⁿ that cover [low, high]. */
export function ticks(low: number, high: number, wanted = 4): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? raw;
  const result: number[] = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step)
    result.push(Number(v.toPrecision(12)));
  return result;
}

function extent(values: (number | null | undefined)[], fromZero: boolean): [number, number] {
  const finite = values.filter((v): v is number => typeof v === 'number' && Number.isFinite(v));
  if (finite.length === 0) return [0, 1];
  let low = Math.min(...finite);
  let high = Math.max(...finite);
  if (fromZero) {
    low = Math.min(0, low);
    high = Math.max(0, high);
  }
  if (low === high) {
    const margin = Math.abs(low) * 0.1 || 1;
    return fromZero && low === 0 ? [0, margin] : [low - margin, high + margin];
  }
  const margin = (high - low) * 0.06;
  return [fromZero && low === 0 ? 0 : low - margin, high + margin];
}

export interface Series {
  id: string;
  name: string;
  color: string;
  values: (number | null)[];
  band?: ([number, number] | null)[];
  dashed?: boolean;
}

interface LineProps {
  x: string[];
  /** Positions of x on a numeric axis; without them the points are evenly spaced. */
  at?: number[];
  series: Series[];
  label: string;
  height?: number;
  limit?: { value: number; label: string };
  marks?: { index: number; label: string }[];
  fromZero?: boolean;
  format?: (v: number | null | undefined) => string;
  current?: number;
  onPick?: (index: number) => void;
}

const kPad = { left: 46, right: 14, top: 10, bottom: 22 };

export function LineChart({
  x,
  at,
  series,
  label,
  height = 200,
  limit,
  marks = [],
  fromZero = false,
  format = num,
  current,
  onPick,
}: LineProps) {
  const [ref, width] = useWidth();
  const [hover, setHover] = useState<{ index: number; x: number; y: number } | null>(null);
  const all = series.flatMap((s) => [...s.values, ...(s.band?.flat() ?? [])]);
  if (limit) all.push(limit.value);
  const [low, high] = extent(all, fromZero);
  const innerWidth = width - kPad.left - kPad.right;
  const innerHeight = height - kPad.top - kPad.bottom;
  const first = at?.[0] ?? 0;
  const last = at?.[at.length - 1] ?? 1;
  const px = (i: number) => {
    if (at && last > first) return kPad.left + (((at[i] ?? 0) - first) / (last - first)) * innerWidth;
    return kPad.left + (x.length > 1 ? (i / (x.length - 1)) * innerWidth : innerWidth / 2);
  };
  const py = (v: number) => kPad.top + (1 - (v - low) / (high - low)) * innerHeight;
  const every = Math.max(1, Math.ceil((x.length * 76) / innerWidth));
  const nearest = (clientX: number, box: DOMRect) => {
    const target = ((clientX - box.left) / box.width) * width;
    let best = 0;
    for (let i = 1; i < x.length; i += 1) if (Math.abs(px(i) - target) < Math.abs(px(best) - target)) best = i;
    return best;
  };
  return (
    <div ref={ref}>
      <svg
        className="chart"
        viewBox={`0 0 ${width} ${height}`}
        height={height}
        role="img"
        aria-label={label}
        style={{ cursor: onPick ? 'pointer' : undefined }}
        onPointerMove={(e) =>
          setHover({ index: nearest(e.clientX, e.currentTarget.getBoundingClientRect()), x: e.clientX, y: e.clientY })
        }
        onPointerLeave={() => setHover(null)}
        onClick={(e) => onPick?.(nearest(e.clientX, e.currentTarget.getBoundingClientRect()))}
      >
        {ticks(low, high).map((t) => (
          <g key={t}>
            <line className="tick" x1={kPad.left} x2={width - kPad.right} y1={py(t)} y2={py(t)} />
            <text x={kPad.left - 6} y={py(t) + 3.5} textAnchor="end">
              {format(t)}
            </text>
          </g>
        ))}
        {x.map((text, i) =>
          i % every === 0 || (i === x.length - 1 && every === 1) ? (
            <text
              key={text + i}
              x={px(i)}
              y={height - 6}
              textAnchor={i === 0 && x.length > 1 ? 'start' : i === x.length - 1 && x.length > 1 ? 'end' : 'middle'}
            >
              {text}
            </text>
          ) : null,
        )}
        {marks.map((m) => (
          <g key={m.label + m.index}>
            <line
              x1={px(m.index)}
              x2={px(m.index)}
              y1={kPad.top}
              y2={height - kPad.bottom}
              stroke="var(--accent)"
              strokeWidth="1"
              strokeDasharray="2 2"
            />
            <text x={px(m.index) + 3} y={kPad.top + 8} style={{ fill: 'var(--accent)' }}>
              {m.label}
            </text>
          </g>
        ))}
        {limit && (
          <g>
            <line className="limit" x1={kPad.left} x2={width - kPad.right} y1={py(limit.value)} y2={py(limit.value)} />
            <text x={width - kPad.right} y={py(limit.value) - 4} textAnchor="end" style={{ fill: 'var(--danger)' }}>
              {limit.label}
            </text>
          </g>
        )}
        {current !== undefined && current >= 0 && (
          <line
            x1={px(current)}
            x2={px(current)}
            y1={kPad.top}
            y2={height - kPad.bottom}
            stroke="var(--accent)"
            strokeWidth="1.5"
          />
        )}
        {hover && (
          <line
            x1={px(hover.index)}
            x2={px(hover.index)}
            y1={kPad.top}
            y2={height - kPad.bottom}
            stroke="var(--control)"
          />
        )}
        {series.map((s) => (
          <Line key={s.id} series={s} px={px} py={py} points={x.length <= 60} />
        ))}
        <line
          className="axis"
          x1={kPad.left}
          x2={width - kPad.right}
          y1={height - kPad.bottom}
          y2={height - kPad.bottom}
        />
      </svg>
      {series.length > 1 && <Legend of={series.map((s) => [s.name, s.color])} />}
      <Tip at={hover}>
        {hover && (
          <>
            <b>{x[hover.index]}</b>
            <table>
              <tbody>
                {series.slice(0, 12).map((s) => (
                  <tr key={s.id}>
                    <td>
                      <span className="dot" style={{ background: s.color }} /> {s.name}
                    </td>
                    <td>
                      {format(s.values[hover.index])}
                      {bandText(s, hover.index, format)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </Tip>
      <Twin
        label={label}
        head={['', ...series.map((s) => s.name)]}
        rows={x.map((text, i) => [text, ...series.map((s) => format(s.values[i]))])}
      />
    </div>
  );
}

function bandText(s: Series, i: number, format: (v: number) => string) {
  const band = s.band?.[i];
  return band ? ` [${format(band[0])}, ${format(band[1])}]` : '';
}

function Line({
  series,
  px,
  py,
  points,
}: {
  series: Series;
  px: (i: number) => number;
  py: (v: number) => number;
  points: boolean;
}) {
  const parts: string[] = [];
  let open = false;
  series.values.forEach((v, i) => {
    if (v === null || !Number.isFinite(v)) {
      open = false;
      return;
    }
    parts.push(`${open ? 'L' : 'M'}${px(i).toFixed(1)} ${py(v).toFixed(1)}`);
    open = true;
  });
  const banded = series.band?.map((b, i) => (b ? { i, b } : null)).filter((b) => b !== null) ?? [];
  const area =
    banded.length > 1
      ? `M${banded.map(({ i, b }) => `${px(i)} ${py(b[1])}`).join('L')}L${banded
          .toReversed()
          .map(({ i, b }) => `${px(i)} ${py(b[0])}`)
          .join('L')}Z`
      : '';
  return (
    <g>
      {area && <path d={area} fill={series.color} opacity="0.15" />}
      <path
        d={parts.join('')}
        fill="none"
        stroke={series.color}
        strokeWidth="2"
        strokeDasharray={series.dashed ? '5 4' : undefined}
        strokeLinejoin="round"
      />
      {points &&
        series.values.map((v, i) =>
          v === null || !Number.isFinite(v) ? null : (
            <circle key={i} cx={px(i)} cy={py(v)} r="2.6" fill={series.color} />
          ),
        )}
    </g>
  );
}

export function Legend({ of, box = false }: { of: [string, string][]; box?: boolean }) {
  return (
    <div className="legend">
      {of.map(([name, color]) => (
        <span key={name}>
          <i className={box ? 'box' : undefined} style={{ background: color }} />
          {name}
        </span>
      ))}
    </div>
  );
}

export function Twin({ label, head, rows }: { label: string; head: string[]; rows: string[][] }) {
  return (
    <div className="sr">
      <table>
        <caption>{label}</caption>
        <thead>
          <tr>
            {head.map((h, i) => (
              <th key={i}>{h}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r, i) => (
            <tr key={i}>
              {r.map((c, j) => (
                <td key={j}>{c}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Two distributions as paired bars: shares of rows per bin, reference beside current. */
export function PairedBars({
  bins,
  label,
  current = 'window',
  reference = 'training',
  height = 240,
}: {
  bins: Bin[];
  label: string;
  current?: string;
  reference?: string;
  height?: number;
}) {
  const [ref, width] = useWidth();
  const [hover, setHover] = useState<{ index: number; x: number; y: number } | null>(null);
  const wordy = bins.some((b) => binName(b).length > 7);
  const bottom = wordy && bins.length > 5 ? 62 : 24;
  const top = Math.max(...bins.map((b) => Math.max(b.reference, b.current)), 0.01) * 1.05;
  const innerHeight = height - kPad.top - bottom;
  const slot = (width - kPad.left - kPad.right) / Math.max(1, bins.length);
  const bar = Math.min(24, Math.max(2, slot * 0.38));
  const py = (v: number) => kPad.top + (1 - v / top) * innerHeight;
  return (
    <div ref={ref}>
      <svg
        className="chart"
        viewBox={`0 0 ${width} ${height}`}
        height={height}
        role="img"
        aria-label={label}
        onPointerLeave={() => setHover(null)}
      >
        {ticks(0, top).map((t) => (
          <g key={t}>
            <line className="tick" x1={kPad.left} x2={width - kPad.right} y1={py(t)} y2={py(t)} />
            <text x={kPad.left - 6} y={py(t) + 3.5} textAnchor="end">
              {percent(t, 0)}
            </text>
          </g>
        ))}
        {bins.map((b, i) => {
          const middle = kPad.left + slot * (i + 0.5);
          const y = height - bottom;
          return (
            <g key={b.label + i} onPointerMove={(e) => setHover({ index: i, x: e.clientX, y: e.clientY })}>
              <rect
                x={kPad.left + slot * i}
                y={kPad.top}
                width={slot}
                height={innerHeight}
                fill={hover?.index === i ? 'var(--hover)' : 'transparent'}
              />
              <rect
                x={middle - bar - 0.5}
                y={py(b.reference)}
                width={bar}
                height={Math.max(0, y - py(b.reference))}
                fill="var(--control)"
                opacity="0.75"
              />
              <rect
                x={middle + 0.5}
                y={py(b.current)}
                width={bar}
                height={Math.max(0, y - py(b.current))}
                fill="var(--series-1)"
              />
              {bottom > 24 ? (
                <text x={middle} y={y + 12} textAnchor="end" transform={`rotate(-38 ${middle} ${y + 12})`}>
                  {short(binName(b))}
                </text>
              ) : slot > 26 || i % Math.ceil(44 / slot) === 0 ? (
                <text x={middle} y={y + 15} textAnchor="middle">
                  {short(binName(b))}
                </text>
              ) : null}
            </g>
          );
        })}
        <line className="axis" x1={kPad.left} x2={width - kPad.right} y1={height - bottom} y2={height - bottom} />
      </svg>
      <Legend
        box
        of={[
          [reference, 'var(--control)'],
          [current, 'var(--series-1)'],
        ]}
      />
      <Tip at={hover}>
        {hover && (
          <>
            <b>{binName(bins[hover.index] as Bin)}</b>
            <table>
              <tbody>
                <tr>
                  <td>{reference}</td>
                  <td>{percent(bins[hover.index]?.reference, 2)}</td>
                </tr>
                <tr>
                  <td>{current}</td>
                  <td>{percent(bins[hover.index]?.current, 2)}</td>
                </tr>
                {bins[hover.index]?.contribution !== undefined && (
                  <tr>
                    <td>part of the score</td>
                    <td>{num(bins[hover.index]?.contribution)}</td>
                  </tr>
                )}
              </tbody>
            </table>
          </>
        )}
      </Tip>
      <Twin
        label={label}
        head={['bin', reference, current]}
        rows={bins.map((b) => [b.label, percent(b.reference, 2), percent(b.current, 2)])}
      />
    </div>
  );
}
function short(text: string) {
  return text.length > 14 ? `${text.slice(0, 13)}…` : text;
}

/** Predicted probability against observed rate; the diagonal is a perfect model. */
export function Calibration({
  points,
  label,
  height = 240,
}: {
  points: { score: number; label_rate: number; rows: number }[];
  label: string;
  height?: number;
}) {
  const [ref, width] = useWidth(320);
  const side = Math.min(width, 420) - kPad.left - kPad.right;
  const tall = height - kPad.top - 34;
  const px = (v: number) => kPad.left + v * side;
  const py = (v: number) => kPad.top + (1 - v) * tall;
  const most = Math.max(...points.map((p) => p.rows), 1);
  return (
    <div ref={ref}>
      <svg
        className="chart"
        viewBox={`0 0 ${Math.min(width, 420)} ${height}`}
        style={{ maxWidth: 420 }}
        height={height}
        role="img"
        aria-label={label}
      >
        {[0, 0.25, 0.5, 0.75, 1].map((t) => (
          <g key={t}>
            <line className="tick" x1={px(0)} x2={px(1)} y1={py(t)} y2={py(t)} />
            <text x={kPad.left - 6} y={py(t) + 3.5} textAnchor="end">
              {t}
            </text>
            <text x={px(t)} y={py(0) + 14} textAnchor="middle">
              {t}
            </text>
          </g>
        ))}
        <line x1={px(0)} x2={px(1)} y1={py(0)} y2={py(1)} stroke="var(--control)" strokeDasharray="4 4" />
        <path
          d={points.map((p, i) => `${i ? 'L' : 'M'}${px(p.score)} ${py(p.label_rate)}`).join('')}
          fill="none"
          stroke="var(--series-1)"
          strokeWidth="2"
        />
        {points.map((p) => (
          <circle
            key={p.score}
            cx={px(p.score)}
            cy={py(p.label_rate)}
            r={2 + 3 * Math.sqrt(p.rows / most)}
            fill="var(--series-1)"
          >
            <title>{`predicted ${num(p.score, 3)}, observed ${num(p.label_rate, 3)}, ${p.rows} rows`}</title>
          </circle>
        ))}
        <text x={px(0.5)} y={height - 4} textAnchor="middle">
          predicted probability
        </text>
        <text x={12} y={py(0.5)} textAnchor="middle" transform={`rotate(-90 12 ${py(0.5)})`}>
          observed rate
        </text>
      </svg>
      <Twin
        label={label}
        head={['predicted', 'observed', 'rows']}
        rows={points.map((p) => [num(p.score), num(p.label_rate), num(p.rows)])}
      />
    </div>
  );
}

export function Sparkline({
  values,
  width = 88,
  height = 20,
  color = 'var(--accent)',
}: {
  values: number[];
  width?: number;
  height?: number;
  color?: string;
}) {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return null;
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const px = (i: number) => (i / (finite.length - 1)) * (width - 4) + 2;
  const py = (v: number) => (high === low ? height / 2 : 2 + (1 - (v - low) / (high - low)) * (height - 4));
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path
        d={finite.map((v, i) => `${i ? 'L' : 'M'}${px(i).toFixed(1)} ${py(v).toFixed(1)}`).join('')}
        fill="none"
        stroke={color}
        strokeWidth="1.5"
      />
      <circle cx={px(finite.length - 1)} cy={py(finite[finite.length - 1] as number)} r="2" fill={color} />
    </svg>
  );
}
