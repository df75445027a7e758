// SPDX-License-Identifier: Apache-2.0
// Flyway through its own API, for the measurements: its command-line program is not in the registry that its library is in.
// FlywayMain COMMAND URL USER PASSWORD FOLDER; COMMAND: migrate, info, validate.
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;

public class FlywayMain {
    public static void main(String[] args) {
        Flyway flyway = Flyway.configure().dataSource(args[1], args[2], args[3]).locations("filesystem:" + args[4]).load();
        switch (args[0]) {
            case "migrate":
                System.out.println(flyway.migrate().migrationsExecuted + " migrations applied");
                break;
            case "info":
                for (MigrationInfo m : flyway.info().all()) System.out.println(m.getVersion() + " " + m.getDescription() + " " + m.getState());
                break;
            case "validate":
                flyway.validate();
                System.out.println("valid");
                break;
            default:
                System.exit(2);
        }
    }
}
