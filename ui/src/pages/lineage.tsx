// "What made this, and what does it affect?"
import { useState } from 'react';
import { PageHead } from '../parts/basics';
import { LineageView } from '../parts/lineage';
import { useQueryState } from '../router';

export function LineagePage() {
  const [id, setId] = useQueryState('id');
  const [text, setText] = useState(id);
  return (
    <>
      <PageHead title="Lineage" sub="From the bytes of the data to one prediction, and back." />
      <form
        className="row"
        style={{ marginBottom: 16 }}
        onSubmit={(e) => {
          e.preventDefault();
          setId(text.trim());
        }}
      >
        <input
          className="input mono grow"
          style={{ maxWidth: 560 }}
          data-filter
          value={text}
          onChange={(e) => setText(e.target.value)}
          placeholder="flights-delay@champion, a run, a content hash, prediction/01J…"
          aria-label="id"
          spellCheck={false}
        />
        <button type="submit" className="button">
          Show
        </button>
      </form>
      {id ? (
        <LineageView key={id} id={id} />
      ) : (
        <Examples
          choose={(v) => {
            setText(v);
            setId(v);
          }}
        />
      )}
    </>
  );
}

const examples: [string, string][] = [
  ['a model', 'flights-delay@champion'],
  ['an endpoint', 'endpoint/flights'],
  ['a prediction', 'prediction/01J…/0'],
  ['a data version', 'md5:d41d8cd98f00b204e9800998ecf8427e'],
];

function Examples({ choose }: { choose: (id: string) => void }) {
  return (
    <div className="empty">
      <h2>Start from any object</h2>
      <ul className="stack" style={{ marginTop: 8 }}>
        {examples.map(([what, id]) => (
          <li key={id} className="row">
            <span className="secondary" style={{ width: 110 }}>
              {what}
            </span>
            {id.includes('…') || id.includes('d41d') ? (
              <code>{id}</code>
            ) : (
              <button type="button" className="button quiet" onClick={() => choose(id)}>
                <code>{id}</code>
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
