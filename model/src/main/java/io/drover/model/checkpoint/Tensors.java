package io.drover.model.checkpoint;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** The tensors of a model directory by name, in {@code model.safetensors} or in the files its index names. */
final class Tensors {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    private final Path listing;
    private final Map<String, SafetensorsFile> fileOfTensor = new HashMap<>();

    /** Every view handed out, by name: what the digest covers. */
    private final Map<String, TensorView> used = new TreeMap<>();

    private Tensors(final Path listing) {
        this.listing = listing;
    }

    static Tensors open(final Path directory, final Arena arena) {
        final Path single = directory.resolve(SINGLE);
        if (Files.exists(single)) {
            final Tensors tensors = new Tensors(single);
            final SafetensorsFile file = SafetensorsFile.open(single, arena);
            file.names().forEach(name -> tensors.fileOfTensor.put(name, file));
            return tensors;
        }
        final Path index = directory.resolve(INDEX);
        if (!Files.exists(index)) {
            throw new CheckpointException(directory + " has neither " + SINGLE + " nor " + INDEX);
        }
        final Tensors tensors = new Tensors(index);
        final JsonFile places = JsonFile.read(index).object("weight_map");
        final Map<String, SafetensorsFile> files = new HashMap<>();
        for (final String name : places.keys()) {
            final String file = places.text(name);
            if (file.contains("/") || file.contains("\\") || file.startsWith(".")) {
                throw places.wrong(name, "the name of a file beside the index");
            }
            tensors.fileOfTensor.put(name,
                    files.computeIfAbsent(file, shard -> SafetensorsFile.open(directory.resolve(shard), arena)));
        }
        return tensors;
    }

    /** @see SafetensorsFile#view(String, int...) */
    TensorView view(final String name, final int... shape) {
        final SafetensorsFile file = fileOfTensor.get(name);
        if (file == null) {
            throw SafetensorsFile.missing(listing, name, shape);
        }
        final TensorView view = file.view(name, shape);
        used.put(name, view);
        return view;
    }

    Iterable<TensorView> used() {
        return used.values();
    }
}
