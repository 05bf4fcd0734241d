// SPDX-License-Identifier: MIT
package herd;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The program: options, start, orderly stop. */
public final class HerdJava {
    private static final String HELP = String.join("\n",
        "Usage: herd-java [--check] --config FILE NAME",
        "Runs member NAME of the herd that FILE describes, in the foreground.",
        "",
        "  --check    read the configuration and exit: 0 if it can be used, 2 if not",
        "  --version  say which program and platform this is",
        "",
        "Example: herd-java --config conf/herds/bailey.conf Bailey");

    private HerdJava() {}

    public static void main(String[] arguments) {
        List<String> names = new ArrayList<>();
        String file = null;
        boolean check = false;
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals("--help")) {
                System.out.println(HELP);
                return;
            } else if (arguments[i].equals("--version")) {
                System.out.println("herd-java, " + System.getProperty("java.vm.name") + " "
                    + System.getProperty("java.runtime.version"));
                return;
            } else if (arguments[i].equals("--check")) {
                check = true;
            } else if (arguments[i].equals("--config") && i + 1 < arguments.length) {
                file = arguments[++i];
            } else if (arguments[i].startsWith("-")) {
                fail(2, "what is " + arguments[i] + "? See herd-java --help");
            } else {
                names.add(arguments[i]);
            }
        }
        if (file == null || names.size() != 1) {
            fail(2, "it needs --config FILE and the name of one member. See herd-java --help");
        }
        try {
            Config config = new Config(Path.of(file), names.get(0));
            String key = config.readKey();
            if (!check) {
                run(config, key);
            }
        } catch (Config.Mistake e) {
            fail(2, e.getMessage());
        } catch (IOException e) {
            fail(1, e.getMessage());
        }
    }

    private static void run(Config config, String key) throws IOException {
        Log log = new Log(config);
        Server server = new Server(config, key, log);
        Thread.currentThread().setName("main");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, log), "main"));
        log.info("start " + config.self.name());
        server.start();
        System.out.println("herdd: " + config.self.name() + " listening on " + config.self.listen());
    }

    /** On SIGTERM and SIGINT, of which the JVM would make an exit status of its own. */
    private static void stop(Server server, Log log) {
        try {
            server.stop();
            log.info("stop");
            log.close();
        } catch (InterruptedException e) {
            Runtime.getRuntime().halt(1);
        }
        Runtime.getRuntime().halt(0);
    }

    private static void fail(int status, String what) {
        System.err.println("herd-java: " + what);
        System.exit(status);
    }
}
