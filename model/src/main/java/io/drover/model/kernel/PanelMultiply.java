package io.drover.model.kernel;

import java.util.Arrays;
import java.util.function.Supplier;

/**
 * A multiply as chunks of work: some panels times up to 64 input rows. The size of a chunk follows from the shape alone; it decides
 * who computes what, and never in which order a sum is taken.
 */
final class PanelMultiply implements ComputeTeam.Work {
    /** Input rows of a chunk: a multiple of the widest tile, few enough that a chunk stays well below a breath. */
    private static final int BLOCK_ROWS = 64;
    /** Work of a chunk, where a multiply-add and a byte of weights count 1: some 10 microseconds. */
    private static final long CHUNK_COST = 1L << 19;
    /** Above this two panels are no longer kept together: some 100 microseconds. */
    private static final long LARGE_PANEL_COST = 1L << 22;
    /** Below this the helpers are not asked. */
    private static final long TEAM_COST = 1L << 20;
    private static final int PANEL = PackedMatrix.PANEL_ROWS;

    private final PanelTiles[] tiles;
    private final ComputeTeam team;
    private final float[][] edges;
    private float[] packed = new float[0];

    private PackedMatrix w;
    private float[] x;
    private int xOffset;
    private int rows;
    private float[] y;
    private int yOffset;
    private int yStride;
    private int chunkPanels;
    private int rowBlocks;

    PanelMultiply(final Supplier<PanelTiles> tiles, final ComputeTeam team) {
        this.tiles = new PanelTiles[team.threads()];
        Arrays.setAll(this.tiles, i -> tiles.get());
        this.team = team;
        edges = new float[team.threads()][8 * PANEL];
    }

    void run(final PackedMatrix w, final float[] x, final int xOffset, final int xStride, final int rows, final float[] y,
            final int yOffset, final int yStride) {
        if (rows == 0) {
            return;
        }
        this.w = w;
        this.rows = rows;
        this.y = y;
        this.yOffset = yOffset;
        this.yStride = yStride;
        if (rows == 1) {
            this.x = x;
            this.xOffset = xOffset;
        } else {
            pack(x, xOffset, xStride);
        }
        rowBlocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
        final long panelCost = w.panelOffset(1) + (long) Math.min(rows, BLOCK_ROWS) * w.columns() * PANEL;
        chunkPanels = (int) Math.max(panelCost > LARGE_PANEL_COST ? 1 : 2, CHUNK_COST / panelCost / 2 * 2);
        final int chunks = (w.panels() + chunkPanels - 1) / chunkPanels * rowBlocks;
        if (panelCost * w.panels() * rowBlocks < TEAM_COST) {
            team.runAlone(this, chunks);
        } else {
            team.run(this, chunks);
        }
    }

    /** All row blocks of some panels come one after the other, so that the panels are read from memory once. */
    @Override
    public void run(final int chunk, final int worker) {
        final int block = chunk % rowBlocks;
        final int firstRow = block * BLOCK_ROWS;
        final int endRow = Math.min(rows, firstRow + BLOCK_ROWS);
        final int first = chunk / rowBlocks * chunkPanels;
        final int end = Math.min(w.panels(), first + chunkPanels);
        final int whole = Math.min(end, w.rows() / PANEL);
        for (int row = firstRow; row < endRow; row++) {
            final int from = yOffset + row * yStride;
            Arrays.fill(y, from + first * PANEL, from + Math.min(w.rows(), end * PANEL), 0f);
        }
        for (int panel = first; panel < whole; panel += 2) {
            wholePanels(tiles[worker], panel, Math.min(panel + 1, whole - 1), firstRow, endRow);
        }
        if (whole < end) {
            lastPanel(tiles[worker], whole, firstRow, endRow, edges[worker]);
        }
    }

    private void wholePanels(final PanelTiles mine, final int a, final int b, final int firstRow, final int endRow) {
        final int columns = w.columns();
        mine.use(w.type(), w.data(), x, y, yStride);
        int row = firstRow;
        while (row < endRow) {
            final int tile = mine.tileRows(w.type(), endRow - row);
            final int from = yOffset + row * yStride;
            mine.run(tile, w.panelOffset(a), w.panelOffset(b), xOffset + row * columns, columns, from + a * PANEL,
                    from + b * PANEL);
            row += tile;
        }
    }

    /** A panel whose rows run out goes through a buffer, because a tile stores whole vectors. */
    private void lastPanel(final PanelTiles mine, final int panel, final int firstRow, final int endRow, final float[] edge) {
        final int columns = w.columns();
        final long offset = w.panelOffset(panel);
        mine.use(w.type(), w.data(), x, edge, PANEL);
        int row = firstRow;
        while (row < endRow) {
            final int tile = mine.tileRows(w.type(), endRow - row);
            Arrays.fill(edge, 0, tile * PANEL, 0f);
            mine.run(tile, offset, offset, xOffset + row * columns, columns, 0, 0);
            for (int i = 0; i < tile; i++) {
                System.arraycopy(edge, i * PANEL, y, yOffset + (row + i) * yStride + panel * PANEL, w.rows() - panel * PANEL);
            }
            row += tile;
        }
    }

    /** Input rows by tile: [columns][rows of the tile], each tile where its rows would lie if they were not packed. */
    private void pack(final float[] source, final int offset, final int stride) {
        final int columns = w.columns();
        if (packed.length < rows * columns) {
            packed = new float[Math.max(rows * columns, 2 * packed.length)];
        }
        x = packed;
        xOffset = 0;
        int row = 0;
        while (row < rows) {
            final int blockEnd = Math.min(rows, row / BLOCK_ROWS * BLOCK_ROWS + BLOCK_ROWS);
            final int tile = tiles[0].tileRows(w.type(), blockEnd - row);
            for (int i = 0; i < tile; i++) {
                final int from = offset + (row + i) * stride;
                int to = row * columns + i;
                for (int k = 0; k < columns; k++) {
                    packed[to] = source[from + k];
                    to += tile;
                }
            }
            row += tile;
            team.breathe();
        }
    }
}
