package io.drover.model.kernel;

import java.util.Arrays;
import java.util.function.Supplier;

/**
 * Attention over paged keys and values by the tiles of a multiply: a page's K is a panel whose outputs are scores, its V is panels whose
 * outputs are dimensions. A chunk is one row and one kv head, with all query heads that share it, so a page is read from memory once.
 */
final class VectorAttention implements ComputeTeam.Work {
    private static final int PAGE = KvLayout.POSITIONS;
    /** Multiply-adds below which the helpers are not asked. */
    private static final long TEAM_COST = 1L << 19;

    private final RowOps rowOps;
    private final ComputeTeam team;
    private final Scratch[] scratch;
    private AttentionBatch batch;

    /** Buffers of one thread. */
    private static final class Scratch {
        private final PanelTiles tiles;
        private final float[] lanes = new float[PAGE];
        private float[] scores = new float[PAGE];
        private float[] output = new float[PAGE];

        private Scratch(final PanelTiles tiles) {
            this.tiles = tiles;
        }
    }

    VectorAttention(final Supplier<PanelTiles> tiles, final RowOps rowOps, final ComputeTeam team) {
        this.rowOps = rowOps;
        this.team = team;
        scratch = new Scratch[team.threads()];
        Arrays.setAll(scratch, i -> new Scratch(tiles.get()));
    }

    void run(final AttentionBatch work) {
        batch = work;
        long positions = 0;
        for (int row = 0; row < work.count; row++) {
            positions += work.lengths[row];
        }
        final int chunks = work.count * work.layout.kvHeads();
        if (2 * positions * work.heads * work.layout.headDim() < TEAM_COST) {
            team.runAlone(this, chunks);
        } else {
            team.run(this, chunks);
        }
    }

    @Override
    public void run(final int chunk, final int worker) {
        final int kvHeads = batch.layout.kvHeads();
        final int row = chunk / kvHeads;
        final int kvHead = chunk % kvHeads;
        final int group = batch.group();
        for (int i = 0; i < group; i++) {
            attend(row, kvHead, kvHead * group + i, scratch[worker]);
        }
    }

    private void attend(final int row, final int kvHead, final int head, final Scratch mine) {
        final KvLayout layout = batch.layout;
        final int headDim = layout.headDim();
        final int length = batch.lengths[row];
        final int padded = (length + PAGE - 1) / PAGE * PAGE;
        if (mine.scores.length < padded) {
            mine.scores = new float[2 * padded];
        }
        final int offset = (row * batch.heads + head) * headDim;
        scores(mine, batch.pages[row], layout.keyOffset(batch.layer, kvHead), padded, offset);
        final float sum = rowOps.softmax(mine.scores, length, batch.scale, mine.lanes);
        values(mine, batch.pages[row], layout.valueOffset(batch.layer, kvHead), length);
        for (int d = 0; d < headDim; d++) {
            batch.outputs[offset + d] = mine.output[d] / sum;
        }
    }

    private void scores(final Scratch mine, final long[] pages, final long keys, final int padded, final int query) {
        final KvLayout layout = batch.layout;
        Arrays.fill(mine.scores, 0, padded, 0f);
        mine.tiles.use(layout.type(), batch.pool, batch.queries, mine.scores, 0);
        final int count = padded / PAGE;
        for (int page = 0; page < count; page += 2) {
            final int next = Math.min(page + 1, count - 1);
            mine.tiles.run(1, pages[page] + keys, pages[next] + keys, query, layout.headDim(), page * PAGE, next * PAGE);
        }
    }

    private void values(final Scratch mine, final long[] pages, final long values, final int length) {
        final KvLayout layout = batch.layout;
        final int panels = layout.valuePanels();
        final long panelBytes = layout.valuePanelBytes();
        if (mine.output.length < panels * PAGE) {
            mine.output = new float[panels * PAGE];
        }
        Arrays.fill(mine.output, 0, panels * PAGE, 0f);
        mine.tiles.use(layout.type(), batch.pool, mine.scores, mine.output, 0);
        for (int position = 0; position < length; position += PAGE) {
            final long page = pages[position / PAGE] + values;
            final int count = Math.min(PAGE, length - position);
            for (int panel = 0; panel < panels; panel += 2) {
                final int next = Math.min(panel + 1, panels - 1);
                mine.tiles.run(1, page + panel * panelBytes, page + next * panelBytes, position, count, panel * PAGE,
                        next * PAGE);
            }
        }
    }
}
