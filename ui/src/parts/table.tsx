// A dense table: sticky header, sortable columns, whole rows that open. The order is part of the URL when `name` is given.
import type { MouseEvent, ReactNode } from 'react';
import { navigate, useQueryState } from '../router';
import type { Num } from '../types';

export interface Column<T> {
  key: string;
  title: ReactNode;
  cell: (row: T) => ReactNode;
  /** Value to sort by; a column without one is not sortable. */
  by?: (row: T) => Num;
  numeric?: boolean;
  hint?: string;
}

interface Props<T> {
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  to?: (row: T) => string | null;
  order?: string;
  name?: string;
  chosen?: (row: T) => boolean;
  foot?: ReactNode;
  label: string;
}

function compare(a: Num, b: Num) {
  const missing = (v: Num) => v === null || v === undefined || v === '';
  if (missing(a) || missing(b)) return missing(a) ? (missing(b) ? 0 : 1) : -1;
  const x = Number(a);
  const y = Number(b);
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

export function sortRows<T>(rows: T[], columns: Column<T>[], order: string): T[] {
  const down = order.startsWith('-');
  const by = columns.find((c) => c.key === order.replace(/^-/, ''))?.by;
  if (!by) return rows;
  return rows.toSorted((a, b) => {
    const x = by(a);
    const y = by(b);
    const missing = (v: Num) => v === null || v === undefined || v === '';
    if (missing(x) || missing(y)) return compare(x, y);
    return down ? compare(y, x) : compare(x, y);
  });
}

export function Table<T>({ columns, rows, id, to, order = '', name, chosen, foot, label }: Props<T>) {
  const [sort, setSort] = useQueryState(name ?? `sort-${label}`, order);
  const shown = sortRows(rows, columns, sort);
  const open = (event: MouseEvent, row: T) => {
    const target = to?.(row);
    if (!target || (event.target as HTMLElement).closest('a,button,input,select,label')) return;
    if (window.getSelection()?.toString()) return;
    navigate(target);
  };
  return (
    <>
      <div className="table-wrap">
        <table className="table" aria-label={label}>
          <thead>
            <tr>
              {columns.map((c) => (
                <Head key={c.key} column={c} sort={sort} setSort={setSort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr
                key={id(row)}
                className={`${to?.(row) ? 'go' : ''}${chosen?.(row) ? ' chosen' : ''}`}
                onClick={(e) => open(e, row)}
              >
                {columns.map((c) => (
                  <td key={c.key} className={c.numeric ? 'num' : undefined}>
                    {c.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {foot && <div className="table-foot">{foot}</div>}
    </>
  );
}

function Head<T>({ column, sort, setSort }: { column: Column<T>; sort: string; setSort: (v: string) => void }) {
  const active = sort.replace(/^-/, '') === column.key;
  const down = sort.startsWith('-');
  const next = active ? (down ? column.key : `-${column.key}`) : column.numeric ? `-${column.key}` : column.key;
  return (
    <th
      scope="col"
      className={column.numeric ? 'num' : undefined}
      aria-sort={active ? (down ? 'descending' : 'ascending') : undefined}
      title={column.hint}
    >
      {column.by ? (
        <button type="button" onClick={() => setSort(next)}>
          {column.title}
          {active ? (down ? ' ↓' : ' ↑') : ''}
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}
