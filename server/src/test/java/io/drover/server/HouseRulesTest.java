package io.drover.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which room may use which, and what the placement room must not know. */
@AnalyzeClasses(packages = "io.drover", importOptions = ImportOption.DoNotIncludeTests.class)
class HouseRulesTest {
    @ArchTest
    static final ArchRule A_LOWER_ROOM_NEVER_IMPORTS_A_HIGHER_ONE = layeredArchitecture().consideringOnlyDependenciesInLayers()
            .layer("placement")
            .definedBy("io.drover.placement..")
            .layer("model")
            .definedBy("io.drover.model..")
            .layer("streams")
            .definedBy("io.drover.streams..")
            .layer("actors")
            .definedBy("io.drover.actors..")
            .layer("cluster")
            .definedBy("io.drover.cluster..")
            .layer("server")
            .definedBy("io.drover.server..")
            .whereLayer("server")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("cluster")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("actors")
            .mayOnlyBeAccessedByLayers("cluster", "server")
            .whereLayer("streams")
            .mayOnlyBeAccessedByLayers("actors", "cluster", "server")
            .whereLayer("model")
            .mayOnlyBeAccessedByLayers("actors", "cluster", "server")
            .whereLayer("placement")
            .mayOnlyBeAccessedByLayers("actors", "cluster", "server");

    @ArchTest
    static final ArchRule PLACEMENT_KNOWS_NO_FRAMEWORK = noClasses().that()
            .resideInAPackage("io.drover.placement..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.apache.pekko..", "io.aeron..", "org.agrona..", "scala..",
                    "com.typesafe..");

    @ArchTest
    static final ArchRule PLACEMENT_READS_NO_CLOCK = noClasses().that()
            .resideInAPackage("io.drover.placement")
            .should()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.concurrent.ThreadLocalRandom")
            .orShould()
            .callMethod(Math.class, "random");

    @ArchTest
    static final ArchRule THE_MODEL_KNOWS_NO_CLUSTER = noClasses().that()
            .resideInAPackage("io.drover.model..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.apache.pekko..", "io.aeron..", "scala..");

    @ArchTest
    static final ArchRule NOBODY_SERIALIZES_JAVA_OBJECTS = noClasses()
            .should()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.io.ObjectOutputStream")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.io.ObjectInputStream");
}
