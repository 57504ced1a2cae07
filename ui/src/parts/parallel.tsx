// Parallel coordinates: one line a run, one axis a parameter or metric. Dragging along an axis keeps the runs inside.
import { useMemo, useRef, useState, type PointerEvent } from 'react';
import { num, toNumber } from '../format';
import { Tip, Twin, ticks, useWidth } from './charts';

export interface Axis {
  key: string;
  title: string;
}
export interface Strand {
  id: string;
  name: string;
  color: string;
  values: Record<string, string | number | null | undefined>;
}
interface Scale {
  at: (v: string | number | null | undefined) => number | null;
  ticks: { text: string; at: number }[];
}
type Brush = [number, number];

const kTop = 44;
const kBottom = 16;
const kSide = 64;

function scaleOf(strands: Strand[], key: string, height: number): Scale {
  const values = strands.map((s) => s.values[key]).filter((v) => v !== null && v !== undefined && v !== '');
  const numbers = values.map((v) => toNumber(v as string | number));
  const bottom = height - kBottom;
  const span = bottom - kTop;
  if (values.length > 0 && numbers.every((n) => n !== null)) {
    const low = Math.min(...(numbers as number[]));
    const high = Math.max(...(numbers as number[]));
    const place = (n: number) => (high === low ? kTop + span / 2 : bottom - ((n - low) / (high - low)) * span);
    const marks =
      high === low
        ? [low]
        : [
            low,
            ...ticks(low, high, 4).filter(
              (t) => Math.abs(place(t) - place(low)) > 14 && Math.abs(place(t) - place(high)) > 14,
            ),
            high,
          ];
    return {
      at: (v) => {
        const n = toNumber(v);
        return n === null ? null : place(n);
      },
      ticks: marks.map((t) => ({ text: num(t), at: place(t) })),
    };
  }
  const names = [...new Set(values.map(String))].sort();
  const place = (text: string) =>
    names.length < 2 ? kTop + span / 2 : bottom - (names.indexOf(text) / (names.length - 1)) * span;
  const every = Math.ceil((names.length * 14) / span);
  return {
    at: (v) => (v === null || v === undefined || v === '' ? null : place(String(v))),
    ticks: names
      .filter((_, i) => i % every === 0)
      .map((text) => ({ text: text.length > 16 ? `${text.slice(0, 15)}…` : text, at: place(text) })),
  };
}

export function Parallel({
  axes,
  strands,
  height = 280,
  lit,
  onLit,
  onOpen,
}: {
  axes: Axis[];
  strands: Strand[];
  height?: number;
  lit: string | null;
  onLit: (id: string | null) => void;
  onOpen: (id: string) => void;
}) {
  const [ref, width] = useWidth();
  const [brushes, setBrushes] = useState<Record<string, Brush>>({});
  const [tip, setTip] = useState<{ x: number; y: number } | null>(null);
  const drag = useRef<{ key: string; from: number } | null>(null);
  const scales = useMemo(
    () => Object.fromEntries(axes.map((a) => [a.key, scaleOf(strands, a.key, height)])),
    [axes, strands, height],
  );
  const gap = axes.length > 1 ? (width - 2 * kSide) / (axes.length - 1) : 0;
  const inside = (s: Strand) =>
    axes.every((a) => {
      const brush = brushes[a.key];
      if (!brush) return true;
      const y = scales[a.key]?.at(s.values[a.key]);
      return y !== null && y !== undefined && y >= Math.min(...brush) - 1 && y <= Math.max(...brush) + 1;
    });
  const yOf = (e: PointerEvent<SVGElement>) => {
    const box = (e.currentTarget.ownerSVGElement ?? e.currentTarget).getBoundingClientRect();
    return Math.min(height - kBottom, Math.max(kTop, e.clientY - box.top));
  };
  const kept = strands.filter(inside);
  const shown = lit ? strands.find((s) => s.id === lit) : undefined;
  return (
    <div ref={ref}>
      <svg
        className="chart"
        viewBox={`0 0 ${width} ${height}`}
        height={height}
        role="img"
        aria-label={`parallel coordinates of ${strands.length} runs over ${axes.map((a) => a.title).join(', ')}`}
      >
        {strands.map((s) => {
          const points = axes.map((a, i) => ({ x: kSide + i * gap, y: scales[a.key]?.at(s.values[a.key]) ?? null }));
          const path = points.reduce(
            (text, p, i) =>
              p.y === null
                ? text
                : `${text}${text === '' || points[i - 1]?.y === null ? 'M' : 'L'}${p.x.toFixed(1)} ${p.y.toFixed(1)}`,
            '',
          );
          const active = inside(s);
          return (
            <path
              key={s.id}
              d={path}
              fill="none"
              stroke={active ? s.color : 'var(--hairline)'}
              strokeWidth={lit === s.id ? 3.5 : 1.8}
              opacity={lit && lit !== s.id ? 0.25 : 0.9}
              style={{ cursor: 'pointer' }}
              onPointerMove={(e) => {
                onLit(s.id);
                setTip({ x: e.clientX, y: e.clientY });
              }}
              onPointerLeave={() => {
                onLit(null);
                setTip(null);
              }}
              onClick={() => onOpen(s.id)}
            />
          );
        })}
        {axes.map((a, i) => {
          const x = kSide + i * gap;
          const brush = brushes[a.key];
          return (
            <g key={a.key}>
              <line x1={x} x2={x} y1={kTop} y2={height - kBottom} stroke="var(--control)" />
              <text
                x={x}
                y={i % 2 && gap < 110 ? 14 : 28}
                textAnchor={i === 0 ? 'start' : i === axes.length - 1 ? 'end' : 'middle'}
                style={{ fill: 'var(--text)', fontWeight: 600 }}
              >
                {a.title.length > 20 ? `${a.title.slice(0, 19)}…` : a.title}
              </text>
              {scales[a.key]?.ticks.map((t) => (
                <text
                  key={t.text}
                  x={i === axes.length - 1 ? x + 6 : x - 6}
                  y={t.at + 3.5}
                  textAnchor={i === axes.length - 1 ? 'start' : 'end'}
                  style={{ paintOrder: 'stroke', stroke: 'var(--bg)', strokeWidth: 3 }}
                >
                  {t.text}
                </text>
              ))}
              {brush && (
                <rect
                  x={x - 7}
                  width={14}
                  y={Math.min(...brush)}
                  height={Math.abs(brush[1] - brush[0])}
                  fill="var(--accent)"
                  opacity="0.3"
                />
              )}
              <rect
                x={x - 10}
                width={20}
                y={kTop}
                height={height - kTop - kBottom}
                fill="transparent"
                style={{ cursor: 'ns-resize' }}
                onPointerDown={(e) => {
                  e.currentTarget.setPointerCapture(e.pointerId);
                  drag.current = { key: a.key, from: yOf(e) };
                }}
                onPointerMove={(e) => {
                  const d = drag.current;
                  if (d?.key === a.key) {
                    const y = yOf(e);
                    if (Math.abs(y - d.from) > 3) setBrushes((b) => ({ ...b, [a.key]: [d.from, y] }));
                  }
                }}
                onPointerUp={(e) => {
                  const d = drag.current;
                  drag.current = null;
                  if (d && Math.abs(yOf(e) - d.from) <= 3) setBrushes(({ [a.key]: _, ...rest }) => rest);
                }}
              >
                <title>{`drag to keep runs within a range of ${a.title}; click to clear`}</title>
              </rect>
            </g>
          );
        })}
      </svg>
      <div className="table-foot">
        {Object.keys(brushes).length > 0 ? (
          <>
            {kept.length} of {strands.length} runs inside the brushes ·{' '}
            <button type="button" className="button quiet" onClick={() => setBrushes({})}>
              clear
            </button>
          </>
        ) : (
          `${strands.length} runs · drag along an axis to keep a range`
        )}
      </div>
      <Tip at={shown ? tip : null}>
        {shown && (
          <>
            <b>{shown.name}</b>
            <table>
              <tbody>
                {axes.map((a) => (
                  <tr key={a.key}>
                    <td>{a.title}</td>
                    <td>{num(shown.values[a.key])}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </Tip>
      <Twin
        label="compared runs"
        head={['run', ...axes.map((a) => a.title)]}
        rows={strands.map((s) => [s.name, ...axes.map((a) => num(s.values[a.key]))])}
      />
    </div>
  );
}
