// Line icons, 16 px, drawn for this product.
const paths: Record<string, string> = {
  home: 'M2.5 7.5 8 3l5.5 4.5V13H9.5v-3.5h-3V13h-4Z',
  runs: 'M3 13V8M8 13V3M13 13V6',
  models: 'M8 2 13.5 5v6L8 14 2.5 11V5ZM2.5 5 8 8l5.5-3M8 8v6',
  endpoints: 'M2.5 8h4M9.5 4.5h4M9.5 11.5h4M6.5 8l3-3.5M6.5 8l3 3.5',
  rollouts: 'M2.5 12.5h3v-3h3v-3h3v-3h2',
  monitoring: 'M2 8.5h2.5l1.5-4 3 7.5 1.5-3.5H14',
  alerts: 'M8 2.5a3.5 3.5 0 0 1 3.5 3.5c0 3.5 1.5 4.5 1.5 4.5H3s1.5-1 1.5-4.5A3.5 3.5 0 0 1 8 2.5ZM6.5 13h3',
  retraining: 'M13 8a5 5 0 1 1-1.6-3.600M13 2.5v3h-3',
  jobs: 'M2.5 3.5h11v9h-11ZM5 6.5l2 1.5-2 1.5M8.5 10h2.5',
  resources: 'M3 3h10v3H3ZM3 10h10v3H3ZM5 6v4M11 6v4',
  lineage:
    'M4 4.5a1.5 1.5 0 1 0 0-.01M4 12.5a1.5 1.5 0 1 0 0-.01M12.5 8.5a1.5 1.5 0 1 0 0-.01M5.5 4.5c3.5 0 2.5 3.5 5.5 3.900M5.5 12c3.5 0 2.5-3 5.5-3.4',
  gates: 'M3 13V5l5-2.5L13 5v8M3 8h10M6 8v5M10 8v5',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5l3 3',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.5 3.5l1 1M11.5 11.5l1 1M12.5 3.5l-1 1M4.5 11.5l-1 1',
  moon: 'M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5Z',
  auto: 'M8 2.5a5.5 5.5 0 1 0 0 11ZM8 2.5a5.5 5.5 0 0 1 0 11',
  fold: 'M10 4 6 8l4 4',
  unfold: 'M6 4l4 4-4 4',
};
export function Icon({ name }: { name: string }) {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name] ?? ''} />
    </svg>
  );
}
