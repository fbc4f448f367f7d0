package io.drover.placement.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads {@code traces.csv}, the table of a trace's sequences. */
final class SequenceTable {
    private SequenceTable() {}

    /**
     * @param tokens tokens of the trace, which the sequences must cover in order and without gaps
     * @throws TraceFormatException if they do not, or a line cannot be read
     */
    static List<Trace.Sequence> read(final Path file, final int tokens) throws IOException {
        if (!Files.exists(file)) {
            throw new TraceFormatException(file + " is missing: without it the bounds of the sequences are unknown");
        }
        final List<String> lines = Files.readAllLines(file);
        final List<String> header = lines.isEmpty() ? List.of() : Arrays.asList(lines.getFirst().strip().split(","));
        final int first = header.indexOf("first_token");
        final int count = header.indexOf("tokens");
        if (first < 0 || count < 0) {
            throw new TraceFormatException(file + " begins with " + header + "; expected the columns first_token and tokens");
        }
        final int name = header.indexOf("trace");
        final int domain = header.indexOf("domain");
        final List<Trace.Sequence> sequences = new ArrayList<>();
        int next = 0;
        for (int line = 1; line < lines.size(); line++) {
            if (lines.get(line).isBlank()) {
                continue;
            }
            final String[] fields = lines.get(line).strip().split(",", -1);
            if (fields.length != header.size()) {
                throw new TraceFormatException(file + " line " + (line + 1) + " has " + fields.length + " fields; expected "
                        + header.size());
            }
            final int firstToken = whole(file, line, fields[first]);
            final int length = whole(file, line, fields[count]);
            if (firstToken != next || length < 1 || length > tokens - next) {
                throw new TraceFormatException(file + " line " + (line + 1) + " covers " + length + " tokens from " + firstToken
                        + "; expected at least 1 from " + next + ", of " + tokens + " in all");
            }
            sequences.add(new Trace.Sequence(name < 0 ? String.valueOf(line - 1) : fields[name],
                    domain < 0 ? "" : fields[domain], firstToken, length));
            next += length;
        }
        if (next != tokens) {
            throw new TraceFormatException(file + " covers " + next + " tokens; the trace has " + tokens);
        }
        return List.copyOf(sequences);
    }

    private static int whole(final Path file, final int line, final String field) {
        try {
            return Integer.parseInt(field.strip());
        } catch (final NumberFormatException e) {
            throw new TraceFormatException(file + " line " + (line + 1) + " has '" + field + "'; expected a whole number", e);
        }
    }
}
